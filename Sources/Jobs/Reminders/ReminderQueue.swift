import Database
import Domain

/// The reminders' rows: how they come into being.
struct ReminderQueue: Sendable {
    static let kind = "reminder"
    /// Circles whose round begins in one run, RSVPs gone through in one transaction, and such
    /// transactions in one run: what is left comes with the next.
    static let roundsPerRunMax = 1000
    static let batchCountMax = 500
    static let batchesPerRunMax = 40
    /// How long a `sending` row may be without an answer; a request is given up long before.
    static let sendingSecondsMax: Int64 = 300
    /// RSVPs are stamped by the API's clock and are seen once they are committed: those of this
    /// long before the last look are looked at again.
    static let lateOverlapSeconds: Int64 = 60

    let rule: ReminderRule

    /// What a conflict leaves as it is, and what it brings back.
    private var revocable: [String] {
        ReminderRule.Skip.allCases.filter(\.isRevocable).map(\.rawValue)
    }

    /// Ends the claims of a process that died while sending.
    ///
    /// - Returns: how many.
    func giveUpOrphans(_ connection: Connection, at now: Timestamp) throws -> Int {
        try connection.query(
            """
            with orphans as materialized (
                select kind, circle_id, uid, device_id, start_at
                from pushes
                where status = 'sending'
                    and updated_at < \(now.adding(seconds: -Self.sendingSecondsMax))
                order by updated_at
                limit 1000
                for update skip locked
            )
            update pushes
            set
                status = 'uncertain', updated_at = \(now),
                reason = 'the sender died before the answer was written down'
            from orphans
            where pushes.kind = orphans.kind and pushes.circle_id = orphans.circle_id
                and pushes.uid = orphans.uid and pushes.device_id = orphans.device_id
                and pushes.start_at = orphans.start_at
            """
        ).affectedCount
    }

    /// Opens the rounds of circles that are about to start, and closes those that are over or
    /// whose circle has moved. Rows of a closed round are skipped when they are looked at.
    func turnRounds(_ connection: Connection, at now: Timestamp) throws {
        let earliest = now.adding(seconds: -ReminderRule.graceSeconds)
        try connection.query(
            """
            with over as materialized (
                select circle_id, start_at
                from reminder_rounds
                where start_at < \(earliest)
                    or not exists (
                        select
                        from circles
                        where circles.circle_id = reminder_rounds.circle_id
                            and circles.start_at = reminder_rounds.start_at
                            and circles.status <> 'ended'
                    )
                for update skip locked
            )
            delete from reminder_rounds
            using over
            where reminder_rounds.circle_id = over.circle_id
                and reminder_rounds.start_at = over.start_at
            """)
        try connection.query(
            """
            insert into reminder_rounds (circle_id, start_at, begun_at, after_uid)
            select circle_id, start_at, \(now), ''
            from circles
            where status in ('scheduled', 'live') and start_at >= \(earliest)
                and start_at <= \(now.adding(seconds: rule.leadSeconds))
                and not exists (
                    select
                    from reminder_rounds
                    where reminder_rounds.circle_id = circles.circle_id
                        and reminder_rounds.start_at = circles.start_at
                )
            order by start_at
            limit \(Self.roundsPerRunMax)
            on conflict (circle_id, start_at) do nothing
            """)
    }

    /// Makes the rows of one round's next RSVPs.
    ///
    /// - Returns: whether there was a round to go on with.
    func extendRound(_ connection: Connection, at now: Timestamp) throws -> Bool {
        let rounds = try connection.query(
            """
            select circle_id, start_at, after_uid
            from reminder_rounds
            where late_since is null
            order by start_at, circle_id
            limit 1
            for update skip locked
            """)
        guard let round = rounds.first else { return false }
        let circleID: CircleID = try round.get(0)
        let startAt: Timestamp = try round.get(1)
        let afterUID: String = try round.get(2)
        let row = try connection.query(
            """
            with batch as materialized (
                select uid
                from rsvps
                where circle_id = \(circleID) and uid > \(afterUID)
                order by uid
                limit \(Self.batchCountMax)
            ),
            made as (
                insert into pushes (
                    kind, circle_id, uid, device_id, start_at, status, attempt_count, due_at,
                    next_attempt_at, created_at, updated_at
                )
                select
                    \(Self.kind), \(circleID), uid, device_id, \(startAt), 'pending', 0,
                    \(rule.dueAt(startAt)), \(now), \(now), \(now)
                from batch
                join push_tokens using (uid)
                \(trusted: Self.onConflict) (pushes.reason = any (\(revocable)))
            )
            select count(*), coalesce((select uid from batch order by uid desc limit 1), '')
            from batch
            """)[0]
        if try row.get(0, as: Int.self) < Self.batchCountMax {
            try connection.query(
                """
                update reminder_rounds
                set late_since = begun_at
                where circle_id = \(circleID) and start_at = \(startAt)
                """)
        } else {
            try connection.query(
                """
                update reminder_rounds
                set after_uid = \(try row.get(1, as: String.self))
                where circle_id = \(circleID) and start_at = \(startAt)
                """)
        }
        return true
    }

    /// Makes the rows of RSVPs that came when their circle's round was through.
    func addLate(_ connection: Connection, at now: Timestamp) throws {
        try connection.query(
            """
            with rounds as materialized (
                select circle_id, start_at, late_since
                from reminder_rounds
                where late_since is not null
                for update skip locked
            ),
            made as (
                insert into pushes (
                    kind, circle_id, uid, device_id, start_at, status, attempt_count, due_at,
                    next_attempt_at, created_at, updated_at
                )
                select
                    \(Self.kind), rounds.circle_id, rsvps.uid, push_tokens.device_id,
                    rounds.start_at, 'pending', 0, rsvps.made_at, \(now), \(now), \(now)
                from rounds
                join rsvps
                    on rsvps.circle_id = rounds.circle_id
                    and rsvps.made_at
                        >= rounds.late_since - \(Self.lateOverlapSeconds) * interval '1 second'
                join push_tokens on push_tokens.uid = rsvps.uid
                \(trusted: Self.onConflict) (pushes.reason = any (\(revocable)))
            )
            update reminder_rounds
            set late_since = \(now)
            from rounds
            where reminder_rounds.circle_id = rounds.circle_id
                and reminder_rounds.start_at = rounds.start_at
                and rounds.late_since < \(now)
            """)
    }

    /// A row that is there stays; one that was skipped for a reason that is gone comes back.
    private static let onConflict = """
        on conflict (kind, circle_id, uid, device_id, start_at) do update
        set
            status = 'pending', reason = null, next_attempt_at = excluded.next_attempt_at,
            updated_at = excluded.updated_at
        where pushes.status = 'skipped' and
        """
}
