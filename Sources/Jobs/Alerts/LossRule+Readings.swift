import Database
import Domain

/// From what is measured to what is said.
extension LossRule: AlertSource {
    var rules: [AlertRule] { [.packetLoss, .nodePacketLoss] }

    /// - Returns: one reading per circle and direction and one per node, and those of circles
    ///   that are over.
    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        let measured = try measure(connection, now: now)
        var curveCount = 0
        var readings: [AlertReading] = []
        for one in measured {
            guard var reading = Self.reading(of: one) else { continue }
            if reading.level == .bad, curveCount < Self.curveCountMax {
                curveCount += 1
                let curve = try curve(of: one, connection, now: now)
                reading.details.curve = curve
                reading.details.sparkline = Sparkline.text(curve)
            }
            readings.append(reading)
        }
        return readings + Self.nodeReadings(measured) + (try endings(connection))
    }

    static func reading(of measured: Measured) -> AlertReading? {
        let window = measured.window
        guard let level = window.level, let value = window.value else { return nil }
        let circle = measured.circleID.description
        let direction = window.direction.rawValue
        let cause = cause(of: window)
        var facts = [
            "cause": cause, "loss": percent(value), "title": measured.title,
            "packets": "\(window.packetsLost) of \(window.packetsExpected) lost in "
                + "\(LossWindow.seconds) s",
            "node": measured.node,
        ]
        for (number, member) in window.badMembers.prefix(5).enumerated() {
            facts["worst_\(number + 1)"] =
                "\(member.uid): \(percent(member.lossPercent)) of \(member.packetsExpected)"
        }
        return AlertReading(
            rule: .packetLoss, subject: "\(circle) \(direction)",
            dedupKey: dedupKey(measured.circleID, window.direction), level: level, value: value,
            summary: "\(percent(value)) packet loss, \(direction) of circle \(circle): \(cause)",
            cause: cause,
            details: AlertDetails(
                labels: ["circle": circle, "direction": direction], facts: facts,
                sql: sql(measured)))
    }

    static func dedupKey(_ circleID: CircleID, _ direction: LossDirection) -> String {
        "loss:\(circleID):\(direction.rawValue)"
    }

    /// One speaker, several of them, or so many listeners of all.
    static func cause(of window: LossWindow) -> String {
        let bad = window.badMembers
        switch (window.direction, bad.count) {
        case (.uplink, 0): return "uplinks together, no speaker alone"
        case (.uplink, 1): return "uplink of \(bad[0].uid), \(percent(bad[0].lossPercent))"
        case (.uplink, _):
            return "\(bad.count) of \(window.members.count) uplinks: "
                + bad.prefix(3).map(\.uid).joined(separator: ", ")
        case (.downlink, _):
            return "\(bad.count) of \(window.members.count) downlinks"
        }
    }

    static func percent(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    private static func sql(_ measured: Measured) -> String {
        """
        select uid, minute_at, packets_expected, packets_lost, \
        round(100.0 * packets_lost / nullif(packets_expected, 0), 1) as loss_percent, \
        jitter_us_avg, round_trip_time_us_avg from quality_minutes \
        where circle_id = '\(measured.circleID)' \
        and direction = '\(measured.window.direction.rawValue)' \
        and minute_at >= now() - interval '15 minutes' order by loss_percent desc nulls last;
        """
    }

    // MARK: Nodes

    static func nodeReadings(_ measured: [Measured]) -> [AlertReading] {
        Dictionary(grouping: measured, by: \.node).sorted { $0.key < $1.key }.map { node, all in
            let circles = Set(all.filter { $0.window.level != nil }.map(\.circleID))
            let bad = Set(all.filter { $0.window.level == .bad }.map(\.circleID))
            let loss = NodeLoss(circleCount: circles.count, badCircleCount: bad.count)
            let cause = "\(bad.count) of \(circles.count) circles of node \(node)"
            return AlertReading(
                rule: .nodePacketLoss, subject: node, dedupKey: "loss:node:\(node)",
                level: loss.level, value: loss.value,
                summary: "packet loss in \(cause)", cause: cause,
                details: AlertDetails(
                    labels: ["node": node],
                    facts: [
                        "circles": bad.map(\.description).sorted().prefix(10)
                            .joined(separator: " ")
                    ],
                    sql: "select * from sfu_nodes where node_id = '\(node.quoted)';"))
        }
    }

    // MARK: What is over

    /// Circles with an open incident that have ended.
    private func endings(_ connection: Connection) throws -> [AlertReading] {
        try connection.query(
            """
            select alerts.subject, alerts.dedup_key, alerts.value, alerts.summary, alerts.cause
            from alerts
            join circle_sessions
                on circle_sessions.circle_id = (alerts.details -> 'labels' ->> 'circle')::uuid
            where alerts.rule = \(AlertRule.packetLoss.rawValue) and alerts.cleared_at is null
                and circle_sessions.ended_at is not null
            """
        ).map { row in
            AlertReading(
                rule: .packetLoss, subject: try row.get(0), dedupKey: try row.get(1),
                level: .ended, value: try row.get(2), summary: try row.get(3),
                cause: try row.get(4))
        }
    }

    // MARK: The curve

    private static let curveStepSeconds = 10
    private static let curveStepCount = 30

    /// Loss in percent over the last 5 minutes, 10 s a step: of the worst speaker, or of all
    /// downlinks.
    private func curve(
        of measured: Measured, _ connection: Connection, now: Timestamp
    ) throws -> [Double?] {
        let seconds = Self.curveStepSeconds * Self.curveStepCount + 5
        let uid: String? =
            measured.window.direction == .uplink ? measured.window.badMembers.first?.uid : nil
        let rows = try connection.query(
            """
            with
            live as (
                select source_epoch, last_sampled_at
                from quality_cursors
                where circle_id = \(measured.circleID) and source = \(measured.node)
                order by source_epoch desc
                limit 1
            ),
            differences as (
                select
                    floor(extract(epoch from last_sampled_at - sampled_at)
                        / \(Self.curveStepSeconds))::integer as step,
                    packets_expected - lag(packets_expected) over series as packets_expected,
                    packets_lost - lag(packets_lost) over series as packets_lost
                from live
                join members on members.circle_id = \(measured.circleID)
                join quality_samples as samples
                    on samples.circle_id = members.circle_id
                    and samples.session_id = members.session_id
                    and samples.direction = \(measured.window.direction.rawValue)
                    and samples.source = \(measured.node)
                    and samples.source_epoch = live.source_epoch
                    and samples.sampled_at >= last_sampled_at - make_interval(
                        secs => \(Double(seconds)))
                    and samples.sampled_at
                        >= \(Self.newestSampleAt(now: now).adding(seconds: -Int64(seconds)))
                    and samples.sampled_at <= last_sampled_at
                where \(uid)::text is null or members.uid = \(uid)
                window series as (
                    partition by samples.session_id order by sampled_at, source_seq
                )
            )
            select
                step, sum(packets_expected)::bigint, sum(packets_lost)::bigint
            from differences
            where packets_expected is not null and step < \(Self.curveStepCount)
            group by step
            """)
        var curve = [Double?](repeating: nil, count: Self.curveStepCount)
        for row in try rows.map({ row -> (Int, Int64, Int64) in
            (try row.get(0), try row.get(1), try row.get(2))
        }) where row.1 > 0 {
            let loss = MemberLoss(uid: "", packetsExpected: row.1, packetsLost: row.2).lossPercent
            curve[Self.curveStepCount - 1 - row.0] = (loss * 10).rounded() / 10
        }
        return curve
    }
}

extension String {
    /// As the inside of an SQL literal, for queries that a person runs.
    var quoted: String { replacing("'", with: "''") }
}
