import Database
import Domain

/// Which settled rollups a batch's rows are part of: they are made anew when those come to rest.
/// See migrations 0028 and 0029.
struct UnsettledKeys {
    private var circles: [CircleID] = []
    private var hosts: Set<String> = []
    /// Any day of each week, counted from 1970-01-01, as all days here.
    private var startDays: Set<Int32> = []
    private var joinDays: Set<Int32> = []
    private var requestDays: Set<Int32> = []
    /// All days from here on: a member's first day moves the newcomers of later days.
    private var firstSumDay: Int32?
    private var lastSumDay: Int32 = 0
    /// Some of whose rows go.
    private var reducedCircles: Set<CircleID> = []

    mutating func append(_ ledger: CircleLedger, _ changed: [Attendance]) {
        let circleID = ledger.fold.circleID
        let summary = ledger.fold.summary
        circles.append(circleID)
        if let startedAt = summary.startedAt {
            hosts.insert(summary.details?.hostUID ?? "")
            startDays.insert(startedAt.day)
        }
        if ledger.isRebuilt || !ledger.replacedSessions.isEmpty { reducedCircles.insert(circleID) }
        for attendance in changed {
            joinDays.insert(attendance.joinedAt.day)
            for hand in attendance.hands { requestDays.insert(hand.raisedAt.day) }
            for invitation in attendance.invitations {
                requestDays.insert(invitation.invitedAt.day)
            }
        }
        if let changedAt = ledger.presenceChangedAt {
            // A stay that ends adds to the days before as well.
            let first = changed.map(\.joinedAt.day).reduce(changedAt.day, min)
            firstSumDay = min(firstSumDay ?? first, first)
            // A node's clock may be ahead of ours.
            let last = changed.map { ($0.leftAt ?? $0.joinedAt).day }.reduce(changedAt.day, max)
            lastSumDay = max(lastSumDay, last)
        }
    }

    /// Marks them, before the rows change.
    func write(now: Timestamp, _ connection: Connection) {
        guard !circles.isEmpty else { return }
        let weeks: SQL = """
            array(
                select date_trunc('week', date '1970-01-01' + day)::date
                from unnest(\(Array(startDays))) as days (day)
            )
            """
        connection.later(
            """
            select
                unsettle_sessions(\(circles), \(Array(hosts)), \(weeks)),
                unsettle_join_days(\(Self.dates(joinDays))),
                unsettle_request_days(\(Self.dates(requestDays)))
            """)
        if let firstSumDay {
            let last = max(now.day, lastSumDay)
            connection.later(
                """
                select unsettle_day_sums(array(
                    select date '1970-01-01' + day
                    from generate_series(\(firstSumDay), \(last)) as days (day)
                ))
                """)
        }
        if !reducedCircles.isEmpty {
            connection.later("select unsettle_stored_circles(\(Array(reducedCircles)))")
        }
    }

    private static func dates(_ days: Set<Int32>) -> SQL {
        "array(select date '1970-01-01' + day from unnest(\(Array(days))) as days (day))"
    }
}

extension Timestamp {
    /// The UTC day, counted from 1970-01-01.
    fileprivate var day: Int32 { Int32(clamping: microseconds / 86_400_000_000) }
}

extension Connection {
    /// Marks the days that these minutes of circles are in.
    func unsettleQualityDays(of minutes: Set<QualityMinute>) throws {
        let days = Set(minutes.map { QualityMinute(day: $0) })
        guard !days.isEmpty else { return }
        let all = Array(days)
        try query(
            """
            select unsettle_quality_days(
                array_agg(circle_id), array_agg((begin_at at time zone 'UTC')::date)
            )
            from unnest(\(all.map(\.circleID)), \(all.map(\.minuteAt)))
                as days (circle_id, begin_at)
            """)
    }
}

extension QualityMinute {
    /// The first of its day.
    fileprivate init(day minute: QualityMinute) {
        let microseconds = minute.minuteAt.microseconds
        self.init(
            minute.circleID,
            Timestamp(microseconds: microseconds - microseconds % 86_400_000_000))
    }
}
