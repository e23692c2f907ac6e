import Database
import Domain
import Foundation

/// One receiver's rows of `alert_deliveries`.
struct AlertQueue {
    let receiver: AlertReceiverName
    let runbookURL: String

    struct Claimed: Equatable {
        let deliveryID: Int64
        /// With the row's, it proves that the claim is still ours.
        let attemptCount: Int
        let notice: AlertNotice
    }

    /// Ends the claims of a process that died while sending.
    func recoverOrphans(_ connection: Connection, now: Timestamp) throws {
        let before = now.adding(seconds: -AlertDeliveryJob.sendingSecondsMax)
        try connection.query(
            """
            update alert_deliveries
            set
                status = case
                    when not \(receiver.knowsRepeats) then 'uncertain'
                    when action = 'trigger' and exists (
                        select
                        from alerts
                        where alerts.alert_id = alert_deliveries.alert_id
                            and cleared_at is not null
                    ) then 'skipped'
                    else 'pending'
                end,
                updated_at = \(now), next_attempt_at = \(now),
                last_error = 'the sender died before the receiver answered'
            where receiver = \(receiver.rawValue) and status = 'sending' and updated_at < \(before)
            """)
    }

    /// Takes what is due next: never something while an earlier row of the same key is not done.
    func claim(_ connection: Connection, now: Timestamp) throws -> Claimed? {
        let rows = try connection.query(
            """
            -- Materialized: run once, as with notifications.
            with due as materialized (
                select delivery_id
                from alert_deliveries as delivery
                join alerts using (alert_id)
                where receiver = \(receiver.rawValue) and next_attempt_at <= \(now)
                    and (
                        status = 'pending'
                        or \(receiver.repeatSeconds != nil) and status = 'sent'
                            and action = 'trigger' and alerts.cleared_at is null
                    )
                    and not exists (
                        select
                        from alert_deliveries as earlier
                        where earlier.receiver = delivery.receiver
                            and earlier.dedup_key = delivery.dedup_key
                            and earlier.delivery_id < delivery.delivery_id
                            and earlier.status in ('pending', 'sending')
                    )
                order by delivery_id
                limit 1
                for update of delivery skip locked
            )
            update alert_deliveries
            set
                status = 'sending', updated_at = \(now),
                attempt_count = case status when 'sent' then 1 else attempt_count + 1 end
            from due, alerts
            where alert_deliveries.delivery_id = due.delivery_id
                and alerts.alert_id = alert_deliveries.alert_id
            returning
                alert_deliveries.delivery_id, attempt_count, action, rule, subject,
                alerts.dedup_key, severity, summary, cause, value, details::text, opened_at,
                cleared_at, clear_reason
            """)
        guard let row = rows.first else { return nil }
        return Claimed(
            deliveryID: try row.get(0), attemptCount: try row.get(1), notice: try notice(row))
    }

    private func notice(_ row: Row) throws -> AlertNotice {
        let rule: String = try row.get(3)
        let known = AlertRule(rawValue: rule)
        let details: String = try row.get(10)
        return AlertNotice(
            action: try row.get(2, as: String.self) == "resolve" ? .resolve : .trigger,
            rule: rule, subject: try row.get(4), dedupKey: try row.get(5),
            severity: AlertRule.Severity(rawValue: try row.get(6)) ?? .error,
            component: known?.component ?? "circles", summary: try row.get(7),
            cause: try row.get(8), value: try row.get(9),
            // A row that somebody wrote by hand is told without details rather than not at all.
            details: (try? JSONDecoder().decode(AlertDetails.self, from: Data(details.utf8)))
                ?? AlertDetails(),
            openedAt: try row.get(11), clearedAt: try row.optional(12),
            clearReason: try row.optional(13), runbookURL: runbookURL,
            runbookAnchor: known?.runbookAnchor ?? "")
    }

    /// Writes down what came of it, unless the claim has been taken over.
    func settle(
        _ claimed: Claimed, _ verdict: AlertDeliveryJob.Verdict, _ connection: Connection,
        now: Timestamp
    ) throws {
        let (status, error, next): (String, String?, Timestamp)
        switch verdict {
        case .sent: (status, error, next) = ("sent", nil, now.adding(seconds: repeatSeconds))
        case .pending(let text, let wait):
            (status, error, next) = ("pending", text, now.adding(seconds: wait))
        case .failed(let text): (status, error, next) = ("failed", text, now)
        case .uncertain(let text): (status, error, next) = ("uncertain", text, now)
        }
        try connection.transaction {
            let settled = try connection.query(
                """
                update alert_deliveries
                set
                    -- What is over is not told as new any more.
                    status = case
                        when \(status) = 'pending' and action = 'trigger'
                            and alerts.cleared_at is not null then 'skipped'
                        else \(status)
                    end,
                    last_error = \(error), next_attempt_at = \(next), updated_at = \(now)
                from alerts
                where delivery_id = \(claimed.deliveryID) and status = 'sending'
                    and attempt_count = \(claimed.attemptCount)
                    and alerts.alert_id = alert_deliveries.alert_id
                returning alert_deliveries.alert_id, action, status
                """)
            guard let row = settled.first, try row.get(1, as: String.self) == "trigger",
                ["skipped", "failed"].contains(try row.get(2, as: String.self)),
                !receiver.knowsRepeats
            else { return }
            // Who never saw the incident is not told that it is over.
            try connection.query(
                """
                update alert_deliveries
                set
                    status = 'skipped', updated_at = \(now),
                    last_error = 'its trigger did not arrive'
                where alert_id = \(try row.get(0, as: Int64.self)) and action = 'resolve'
                    and receiver = \(receiver.rawValue) and status = 'pending'
                """)
        }
    }

    private var repeatSeconds: Int64 { receiver.repeatSeconds ?? 0 }
}
