import Database
import Domain
import Foundation

/// The rows of `alerts` and what an evaluation does to them. Each method is part of one
/// transaction, which `lockOpen` begins with a lock: two evaluations come one after the other.
struct AlertIncidents {
    let receivers: [String]
    let now: Timestamp

    struct Open: Equatable {
        let alertID: Int64
        let rule: AlertRule
        let subject: String
        let dedupKey: String
        let observedAt: Timestamp
        let calmSince: Timestamp?
    }

    /// The open incidents of rules that this program knows.
    func lockOpen(_ connection: Connection) throws -> [Open] {
        try connection.query("select pg_advisory_xact_lock(hashtext('circles.alerts'))")
        return try connection.query(
            """
            select alert_id, rule, subject, dedup_key, observed_at, calm_since
            from alerts
            where cleared_at is null
            order by alert_id
            """
        ).map { row -> Open? in
            guard let rule = AlertRule(rawValue: try row.get(1)) else { return nil }
            return Open(
                alertID: try row.get(0), rule: rule, subject: try row.get(2),
                dedupKey: try row.get(3), observedAt: try row.get(4),
                calmSince: try row.optional(5))
        }.compactMap { $0 }
    }

    /// - Returns: `false` when another evaluation, later than ours, has had its say.
    func open(_ reading: AlertReading, _ connection: Connection) throws -> Bool {
        let rows = try connection.query(
            """
            insert into alerts (
                rule, subject, dedup_key, severity, summary, cause, value, details, opened_at,
                observed_at
            )
            select
                \(reading.rule.rawValue), \(reading.subject), \(reading.dedupKey),
                \(reading.rule.severity.rawValue), \(reading.summary), \(reading.cause),
                \(reading.value), \(try json(reading.details)), \(now), \(now)
            where not exists (
                select
                from alerts
                where dedup_key = \(reading.dedupKey) and observed_at >= \(now)
            )
            on conflict (dedup_key) where cleared_at is null do nothing
            returning alert_id
            """)
        guard let alertID: Int64 = try rows.first?.get(0) else { return false }
        try connection.query(
            """
            insert into alert_deliveries (
                alert_id, dedup_key, receiver, action, status, attempt_count, next_attempt_at,
                created_at, updated_at
            )
            select
                \(alertID), \(reading.dedupKey), receiver, 'trigger', 'pending', 0, \(now), \(now),
                \(now)
            from unnest(\(receivers)::text[]) as receiver
            """)
        return true
    }

    /// Writes down an evaluation. What was wrong stays to be read after it is well again.
    func note(
        _ incident: Open, _ state: AlertState, _ reading: AlertReading?, _ connection: Connection
    ) throws {
        guard let observedAt = state.observedAt else { return }
        var calmSince: Timestamp?
        if case .open(let since) = state.phase { calmSince = since }
        try connection.query(
            """
            update alerts
            set
                observed_at = \(observedAt), calm_since = \(calmSince),
                value = coalesce(\(reading?.value), value)
            where alert_id = \(incident.alertID)
            """)
        guard let reading, reading.level == .bad else { return }
        try connection.query(
            """
            update alerts
            set
                summary = \(reading.summary), cause = \(reading.cause),
                details = \(try json(reading.details))
            where alert_id = \(incident.alertID)
            """)
    }

    /// Ends an incident. A trigger that has not gone out never will; where it may have arrived, a
    /// resolve follows.
    func clear(
        _ incident: Open, _ reason: AlertState.ClearReason, _ connection: Connection
    ) throws {
        try connection.query(
            """
            update alerts
            set cleared_at = \(now), clear_reason = \(reason.rawValue)
            where alert_id = \(incident.alertID) and cleared_at is null
            """)
        try connection.query(
            """
            update alert_deliveries
            set
                status = 'skipped', updated_at = \(now),
                last_error = coalesce(last_error, 'cleared before it was sent')
            where alert_id = \(incident.alertID) and action = 'trigger' and status = 'pending'
            """)
        try connection.query(
            """
            insert into alert_deliveries (
                alert_id, dedup_key, receiver, action, status, attempt_count, next_attempt_at,
                created_at, updated_at
            )
            select
                alert_id, dedup_key, receiver, 'resolve', 'pending', 0, \(now), \(now), \(now)
            from alert_deliveries
            where alert_id = \(incident.alertID) and action = 'trigger'
                and (
                    status in ('sending', 'sent', 'uncertain')
                    or status = 'skipped' and attempt_count > 0
                        and receiver = any (\(AlertReceiverName.repeatable)::text[])
                )
            on conflict (alert_id, receiver, action) do nothing
            """)
    }

    /// How many are open, by rule.
    func openCounts(_ connection: Connection) throws -> [String: Int64] {
        let counts = try connection.query(
            "select rule, count(*) from alerts where cleared_at is null group by rule"
        ).map { (try $0.get(0, as: String.self), try $0.get(1, as: Int64.self)) }
        return Dictionary(counts) { first, _ in first }
    }

    private func json(_ details: AlertDetails) throws -> JSONB {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // jsonb holds no NUL, and a title may: the edge refuses it, a log from elsewhere may not.
        return JSONB(
            String(decoding: try encoder.encode(details), as: UTF8.self)
                .replacing("\\u0000", with: ""))
    }
}
