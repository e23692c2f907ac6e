import Database
import Domain

extension SummaryFacts {
    /// Reads what Ingest has stored of a circle that is over.
    ///
    /// - Returns: `nil` while its session is not there: a replay is building it anew.
    /// - Throws: `DatabaseError`.
    static func read(
        _ circleID: CircleID, _ connection: Connection
    ) throws -> SummaryFacts? {
        // One moment for all of it: a replay may run meanwhile.
        try connection.transaction(mode: "isolation level repeatable read, read only") {
            guard let session = try readSession(circleID, connection) else { return nil }
            var facts = session.facts
            try facts.readStays(connection)
            try facts.readHands(connection)
            try facts.readTalk(connection)
            try facts.readQuality(connection)
            try facts.readRSVPs(connection)
            try facts.readPrevious(hostUID: session.hostUID, connection)
            try facts.readSlices(connection)
            return facts
        }
    }

    private static func readSession(
        _ circleID: CircleID, _ connection: Connection
    ) throws -> (facts: SummaryFacts, hostUID: String)? {
        let rows = try connection.query(
            """
            select
                title, host_uid, started_at, ended_at, coalesce(end_reason, ''), member_count,
                peak_listeners, peak_listeners_at, peak_speakers, peak_speakers_at,
                total_minutes::float8, mute_count, demotion_count, kick_count, ban_count
            from circle_sessions
            where circle_id = \(circleID) and started_at is not null and ended_at is not null
            """)
        guard let row = rows.first else { return nil }
        let facts = SummaryFacts(
            circleID: circleID, title: try row.get(0), startedAt: try row.get(2),
            endedAt: try row.get(3), endReason: try row.get(4), memberCount: try row.get(5),
            peakListeners: try row.get(6), peakListenersAt: try row.optional(7),
            peakSpeakers: try row.get(8), peakSpeakersAt: try row.optional(9),
            totalMinutes: try row.get(10),
            moderation: .init(
                muteCount: try row.get(11), demotionCount: try row.get(12),
                kickCount: try row.get(13), banCount: try row.get(14)))
        return (facts, try row.get(1))
    }

    // MARK: People

    private mutating func readStays(_ connection: Connection) throws {
        let median = try connection.query(
            """
            with people as (
                select uid, sum(coalesce(left_at, \(endedAt)) - joined_at) as stay
                from attendances
                where circle_id = \(circleID)
                group by uid
            )
            select
                percentile_cont(0.5) within group (order by extract(epoch from stay)::float8) / 60
            from people
            """)
        medianStayMinutes = try median.first?.optional(0)
        retention = []
        let rows = try connection.query(
            """
            with moments as (
                select share, \(startedAt)::timestamptz
                    + (\(endedAt)::timestamptz - \(startedAt)::timestamptz) * share as at
                from unnest(array[0.25, 0.5, 0.75]::float8[]) as share
            )
            select
                share,
                count(distinct attendances.uid),
                count(distinct attendances.uid) filter (
                    where attendances.left_at is null or attendances.left_at > moments.at
                )
            from moments
            left join attendances
                on attendances.circle_id = \(circleID) and attendances.joined_at <= moments.at
            group by share
            order by share
            """)
        for row in rows.map({ $0 }) {
            let (comeCount, presentCount): (Int, Int) = (try row.get(1), try row.get(2))
            retention.append(
                Retention(
                    share: try row.get(0), comeCount: comeCount, presentCount: presentCount))
        }
    }

    private mutating func readHands(_ connection: Connection) throws {
        // Events of a circle lie between its begin and its end; the days around cover clocks that
        // are not quite right, and keep the other partitions out.
        let (firstAt, lastAt) = (
            startedAt.adding(seconds: -86_400), endedAt.adding(seconds: 86_400)
        )
        let rows = try connection.query(
            """
            with
            raised as (
                select uid, min(raised_at) as raised_at
                from hand_raises
                where circle_id = \(circleID)
                group by uid
            ),
            staged as (
                select
                    raised.uid,
                    min(events.occurred_at) filter (
                        where events.event_type = 'memberPromoted'
                    ) as promoted_at
                from raised
                join events
                    on events.circle_id = \(circleID) and events.uid = raised.uid
                    and events.event_type in ('memberPromoted', 'stageInvited')
                    and events.occurred_at >= raised.raised_at
                    and events.occurred_at >= \(firstAt) and events.occurred_at < \(lastAt)
                group by raised.uid
            ),
            spoken as (
                select distinct staged.uid
                from staged
                join events
                    on events.circle_id = \(circleID) and events.uid = staged.uid
                    and events.event_type = 'speakingStarted'
                    and events.occurred_at >= staged.promoted_at
                    and events.occurred_at >= \(firstAt) and events.occurred_at < \(lastAt)
            )
            select
                (select count(*) from raised),
                (select count(*) from staged),
                (select count(*) from spoken)
            """)
        guard let row = rows.first else { return }
        hands = Hands(
            raisedCount: try row.get(0), calledCount: try row.get(1), spokeCount: try row.get(2))
    }

    private mutating func readTalk(_ connection: Connection) throws {
        speakers = []
        let rows = try connection.query(
            """
            with talkers as (
                select uid, sum(talk_us)::int8 as talk_us
                from attendances
                where circle_id = \(circleID)
                group by uid
                having sum(talk_us) > 0
            )
            select uid, talk_us, (sum(talk_us) over ())::int8, count(*) over ()
            from talkers
            order by talk_us desc, uid
            limit \(Self.speakerCountMax)
            """)
        for row in rows.map({ $0 }) {
            speakers.append(Speaker(uid: try row.get(0), talkMicroseconds: try row.get(1)))
            talkMicroseconds = try row.get(2)
            talkerCount = try row.get(3)
        }
    }

    private mutating func readRSVPs(_ connection: Connection) throws {
        let rows = try connection.query(
            """
            select
                count(*),
                count(*) filter (
                    where exists (
                        select
                        from attendances
                        where attendances.circle_id = rsvps.circle_id
                            and attendances.uid = rsvps.uid
                    )
                )
            from rsvps
            where circle_id = \(circleID)
            """)
        guard let row = rows.first else { return }
        rsvpCount = try row.get(0)
        attendedCount = try row.get(1)
    }

    private mutating func readPrevious(
        hostUID: String, _ connection: Connection
    ) throws {
        let rows = try connection.query(
            """
            select
                title, started_at, extract(epoch from ended_at - started_at)::float8 / 60,
                member_count, peak_listeners, total_minutes::float8
            from circle_sessions
            where host_uid = \(hostUID) and started_at < \(startedAt) and ended_at is not null
            order by started_at desc, circle_id desc
            limit 1
            """)
        guard let row = rows.first else { return }
        previous = Previous(
            title: try row.get(0), startedAt: try row.get(1), durationMinutes: try row.get(2),
            memberCount: try row.get(3), peakListeners: try row.get(4),
            totalMinutes: try row.get(5))
    }
}
