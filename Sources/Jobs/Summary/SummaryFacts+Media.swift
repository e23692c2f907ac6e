import Database
import Domain

extension SummaryFacts {
    /// A minute of fewer packets says nothing about a share: audio is 50 a second.
    private static let packetCountMin = 50
    /// Below these nobody hears anything.
    private static let audibleLostShare = 0.01
    private static let audibleJitterMilliseconds = 30.0

    mutating func readQuality(_ connection: Connection) throws {
        quality = []
        let rows = try connection.query(
            """
            select
                direction,
                coalesce(
                    greatest(sum(packets_lost), 0)::float8 / nullif(sum(packets_expected), 0), 0
                ),
                sum(jitter_us_avg::float8 * sample_count) / sum(sample_count) / 1000,
                percentile_cont(0.95) within group (order by jitter_us_avg::float8) / 1000,
                sum(round_trip_time_us_avg::float8 * sample_count)
                    / nullif(sum(sample_count) filter (where round_trip_time_us_avg is not null), 0)
                    / 1000,
                percentile_cont(0.95) within group (order by round_trip_time_us_avg::float8) / 1000
            from quality_minutes
            where circle_id = \(circleID) and sample_count > 0
            group by direction
            order by direction desc
            """)
        for row in rows.map({ $0 }) {
            let name: String = try row.get(0)
            guard let direction = Direction(rawValue: name) else { continue }
            quality.append(
                Quality(
                    direction: direction, lostShare: try row.get(1),
                    jitterMilliseconds: try row.get(2), jitterMillisecondsP95: try row.get(3),
                    roundTripMilliseconds: try row.optional(4),
                    roundTripMillisecondsP95: try row.optional(5)))
        }
        try readWorstMinutes(connection)
    }

    private mutating func readWorstMinutes(_ connection: Connection) throws {
        worstMinutes = []
        let rows = try connection.query(
            """
            with minutes as (
                select
                    minute_at, uid, direction, jitter_us_avg / 1000.0::float8 as jitter_ms,
                    greatest(packets_lost, 0)::float8 / packets_expected as lost_share
                from quality_minutes
                where circle_id = \(circleID) and packets_expected >= \(Self.packetCountMin)
            )
            select minute_at, uid, direction, lost_share, jitter_ms
            from minutes
            where lost_share >= \(Self.audibleLostShare)
                or jitter_ms >= \(Self.audibleJitterMilliseconds)
            order by lost_share desc, jitter_ms desc, minute_at, uid, direction
            limit \(Self.worstMinuteCountMax)
            """)
        for row in rows.map({ $0 }) {
            let name: String = try row.get(2)
            guard let direction = Direction(rawValue: name) else { continue }
            worstMinutes.append(
                WorstMinute(
                    at: try row.get(0), uid: try row.get(1), direction: direction,
                    lostShare: try row.get(3), jitterMilliseconds: try row.get(4)))
        }
    }

    /// The numbers of people over time. However many came and went, a row per slice is read.
    mutating func readSlices(_ connection: Connection) throws {
        listenerSlices = []
        speakerSlices = []
        let (begin, end) = (startedAt.microseconds, endedAt.microseconds)
        guard memberCount > 0, end > begin else { return }
        let rows = try connection.query(
            """
            with
            stints as (
                select
                    stint.entry ->> 'role' = 'listener' as is_listener,
                    (stint.entry ->> 'at')::int8 as begin_us,
                    coalesce(
                        lead((stint.entry ->> 'at')::int8) over (
                            partition by attendances.session_id order by stint.position
                        ),
                        (extract(epoch from attendances.left_at) * 1000000)::int8,
                        \(end)
                    ) as end_us
                from attendances
                cross join lateral
                    jsonb_array_elements(attendances.roles)
                    with ordinality as stint (entry, position)
                where attendances.circle_id = \(circleID)
            ),
            changes as (
                select begin_us as at_us, is_listener::int as listeners, (not is_listener)::int as speakers
                from stints
                union all
                select end_us, -(is_listener::int), -((not is_listener)::int)
                from stints
            ),
            counts as (
                select
                    at_us,
                    sum(sum(listeners)) over (order by at_us) as listeners,
                    sum(sum(speakers)) over (order by at_us) as speakers
                from changes
                group by at_us
            ),
            placed as (
                select
                    at_us, listeners, speakers,
                    least(
                        greatest((at_us - \(begin)) * \(Self.sliceCount) / \(end - begin), 0),
                        \(Self.sliceCount - 1)
                    ) as slice
                from counts
            )
            select
                slice, max(listeners)::int8, max(speakers)::int8,
                (array_agg(listeners order by at_us desc))[1]::int8,
                (array_agg(speakers order by at_us desc))[1]::int8
            from placed
            group by slice
            order by slice
            """)
        var (listeners, speakers) = (0, 0)
        for row in rows.map({ $0 }) {
            // Until the slice of the next change it stays as it was.
            let slice: Int = try row.get(0)
            fillSlices(upTo: slice, listeners, speakers)
            listenerSlices.append(max(listeners, try row.get(1)))
            speakerSlices.append(max(speakers, try row.get(2)))
            listeners = try row.get(3)
            speakers = try row.get(4)
        }
        fillSlices(upTo: Self.sliceCount, listeners, speakers)
    }

    private mutating func fillSlices(upTo count: Int, _ listeners: Int, _ speakers: Int) {
        while listenerSlices.count < count {
            listenerSlices.append(listeners)
            speakerSlices.append(speakers)
        }
    }
}
