import Database
import Domain

/// When sums are made that are made once: see migration 0028. What a store writes unsettles them
/// in the same transaction; now and then it settles some of what is at rest.
struct Settling {
    /// A circle is at rest when no sample came for so long.
    static let restSeconds: Int64 = 600
    /// A day is at rest so long after its end.
    static let daySeconds: Int64 = 3600
    /// Between two attempts, so that a batch seldom waits for one.
    static let everySeconds: Int64 = 10
    /// In one attempt: a tenth of a second.
    static let circleCountMax = 50
    static let dayCountMax = 1

    private var lastAt: Timestamp?

    private mutating func isDue(_ now: Timestamp) -> Bool {
        if let lastAt, now < lastAt.adding(seconds: Self.everySeconds), now >= lastAt {
            return false
        }
        lastAt = now
        return true
    }

    mutating func settleQualityDays(now: Timestamp, _ connection: Connection) throws {
        guard isDue(now) else { return }
        _ = try connection.settleQualityDays(
            restBefore: now.adding(seconds: -Self.restSeconds), countMax: Self.circleCountMax)
    }

    mutating func settleJoinDays(now: Timestamp, _ connection: Connection) throws {
        guard isDue(now) else { return }
        _ = try connection.settleJoinDays(
            before: Self.joinDaysEnd(now), countMax: Self.dayCountMax)
    }

    /// The first day that is not at rest, counted from 1970-01-01.
    static func joinDaysEnd(_ now: Timestamp) -> Int32 {
        day(now.adding(seconds: -daySeconds))
    }

    fileprivate static func day(_ time: Timestamp) -> Int32 {
        Int32(clamping: time.microseconds / 86_400_000_000)
    }
}

extension Connection {
    func unsettleQualityDays(of minutes: Set<QualityMinute>) throws {
        struct CircleDay: Hashable {
            let circleID: CircleID
            let day: Int32
        }
        let days = Array(
            Set(
                minutes.map {
                    CircleDay(circleID: $0.circleID, day: Settling.day($0.minuteAt))
                }))
        guard !days.isEmpty else { return }
        try query(
            """
            select unsettle_quality_days(
                array_agg(circle_id), array_agg(date '1970-01-01' + day)
            )
            from unnest(\(days.map(\.circleID)), \(days.map(\.day))) as days (circle_id, day)
            """)
    }

    func unsettleJoinDays(of times: [Timestamp]) throws {
        guard !times.isEmpty else { return }
        let days = Set(times.map(Settling.day)).sorted()
        try query(
            """
            select unsettle_join_days(
                array(select date '1970-01-01' + day from unnest(\(days)) as days (day))
            )
            """)
    }

    /// The days on which stays begin that are in the tables now.
    func unsettleJoinDays(ofCircles circleIDs: [CircleID]) throws {
        guard !circleIDs.isEmpty else { return }
        try query(
            """
            select unsettle_join_days(array_agg(day))
            from (
                select distinct (joined_at at time zone 'UTC')::date as day
                from attendances
                where circle_id = any (\(circleIDs))
            ) as days
            having count(*) > 0
            """)
    }

    /// - Returns: how many were settled.
    func settleQualityDays(restBefore: Timestamp, countMax: Int) throws -> Int {
        try query("select settle_quality_days(\(restBefore), \(Int32(countMax)))")[0]
            .get(0, as: Int.self)
    }

    /// - Returns: how many were settled.
    func settleJoinDays(before day: Int32, countMax: Int) throws -> Int {
        try query(
            "select settle_join_days(date '1970-01-01' + \(day), \(Int32(countMax)))"
        )[0].get(0, as: Int.self)
    }
}
