import Database
import Domain
import Foundation
import Logging
import Metrics

/// Sends each host one summary of each circle that ended.
///
/// A `notifications` row is the claim: pending → sending → sent, failed or uncertain. `sending`
/// is committed before the first byte goes out, so after a crash nobody knows whether that
/// message arrived; it becomes `uncertain` and is not sent again. At most once, never twice.
struct SummaryJob {
    static let kind = "summary"
    /// Circles that ended longer ago are history: a restored database mails nobody.
    private static let ageSecondsMax: Int64 = 86_400
    private static let attemptCountMax = 8
    /// How long a `sending` row may be without an answer; SMTP is given up after one minute.
    private static let sendingSecondsMax: Int64 = 120

    let client: SMTPClient
    let sender: String
    let clock: any WallClock
    let logger: Logger
    let mail: SummaryMail

    private let sent = Counter(label: "circles_jobs_mails_total", dimensions: [("result", "sent")])
    private let failed = Counter(
        label: "circles_jobs_mails_total", dimensions: [("result", "failed")])

    init(client: SMTPClient, sender: String, clock: any WallClock, logger: Logger) throws {
        self.client = client
        self.sender = sender
        self.clock = clock
        self.logger = logger
        mail = try SummaryMail()
    }

    /// Does what is due now.
    ///
    /// - Returns: how many messages were attempted.
    func runOnce(_ connection: Connection) throws -> Int {
        try enqueue(connection)
        try giveUpOrphans(connection)
        var count = 0
        while let claimed = try claim(connection) {
            count += 1
            try deliver(claimed, connection)
        }
        return count
    }

    // MARK: Claims

    /// Makes a row for each circle that ended and has none.
    private func enqueue(_ connection: Connection) throws {
        let now = clock.now()
        try connection.query(
            """
            insert into notifications (
                kind, subject_id, recipient_uid, address, status, attempt_count,
                next_attempt_at, message_id, created_at, updated_at
            )
            select
                \(Self.kind), circle_sessions.circle_id, circle_sessions.host_uid,
                circles.host_email,
                case when circles.host_email is null then 'skipped' else 'pending' end,
                0, \(now), 'summary.' || circle_sessions.circle_id || '@circles', \(now), \(now)
            from circle_sessions
            join circles using (circle_id)
            where circle_sessions.started_at is not null
                and circle_sessions.ended_at >= \(now.adding(seconds: -Self.ageSecondsMax))
                and not exists (
                    select
                    from notifications
                    where notifications.kind = \(Self.kind)
                        and notifications.subject_id = circle_sessions.circle_id
                )
            on conflict (kind, subject_id, recipient_uid) do nothing
            """)
    }

    /// Ends the claims of a process that died while sending.
    private func giveUpOrphans(_ connection: Connection) throws {
        let now = clock.now()
        let count = try connection.query(
            """
            update notifications
            set
                status = 'uncertain', updated_at = \(now),
                last_error = 'the sender died before the server answered'
            where kind = \(Self.kind) and status = 'sending'
                and updated_at < \(now.adding(seconds: -Self.sendingSecondsMax))
            """
        ).affectedCount
        if count > 0 {
            logger.warning("mails of unknown fate", metadata: ["count": "\(count)"])
        }
    }

    private struct Claimed {
        let circleID: CircleID
        let recipientUID: String
        let address: String
        let messageID: String
        let attemptCount: Int
    }

    private func claim(_ connection: Connection) throws -> Claimed? {
        let now = clock.now()
        let rows = try connection.query(
            """
            -- Materialized: run once. As a subquery a planner with old statistics runs it for each
            -- row, and each run finds another one.
            with due as materialized (
                select kind, subject_id, recipient_uid
                from notifications
                where kind = \(Self.kind) and status = 'pending' and next_attempt_at <= \(now)
                order by next_attempt_at
                limit 1
                for update skip locked
            )
            update notifications
            set status = 'sending', attempt_count = attempt_count + 1, updated_at = \(now)
            from due
            where notifications.kind = due.kind and notifications.subject_id = due.subject_id
                and notifications.recipient_uid = due.recipient_uid
            returning
                notifications.subject_id, notifications.recipient_uid, coalesce(address, ''),
                message_id, attempt_count
            """)
        guard let row = rows.first else { return nil }
        return Claimed(
            circleID: try row.get(0), recipientUID: try row.get(1), address: try row.get(2),
            messageID: try row.get(3), attemptCount: try row.get(4))
    }

    // MARK: Delivery

    private func deliver(_ claimed: Claimed, _ connection: Connection) throws {
        guard MailMessage.isAddress(claimed.address) else {
            try finish(claimed, "failed", error: "not an e-mail address", connection)
            failed.increment()
            return
        }
        guard let facts = try facts(of: claimed.circleID, connection) else {
            try settle(
                .init(
                    message: "the circle's session is not there at the moment", replyCode: 0,
                    isRetriable: true, isUncertain: false), claimed, connection)
            return
        }
        let message = mail.message(
            facts, from: sender, to: claimed.address, messageID: claimed.messageID,
            date: clock.now())
        do throws(SMTPClient.Failure) {
            try client.send(message.bytes(), from: sender, to: claimed.address)
        } catch {
            try settle(error, claimed, connection)
            return
        }
        try finish(claimed, "sent", error: nil, connection)
        sent.increment()
        logger.info("summary sent", metadata: ["circle": "\(claimed.circleID)"])
    }

    private func settle(
        _ error: SMTPClient.Failure, _ claimed: Claimed, _ connection: Connection
    ) throws {
        logger.warning(
            "summary not sent",
            metadata: ["circle": "\(claimed.circleID)", "error": "\(error)"])
        failed.increment()
        if error.isUncertain {
            try finish(claimed, "uncertain", error: "\(error)", connection)
        } else if error.isRetriable, claimed.attemptCount < Self.attemptCountMax {
            let now = clock.now()
            // 2 s, 4 s … 256 s.
            let wait = Int64(1) << min(claimed.attemptCount, 8)
            try connection.query(
                """
                update notifications
                set
                    status = 'pending', next_attempt_at = \(now.adding(seconds: wait)),
                    last_error = \("\(error)"), updated_at = \(now)
                where kind = \(Self.kind) and subject_id = \(claimed.circleID)
                    and recipient_uid = \(claimed.recipientUID) and status = 'sending'
                """)
        } else {
            try finish(claimed, "failed", error: "\(error)", connection)
        }
    }

    private func finish(
        _ claimed: Claimed, _ status: String, error: String?, _ connection: Connection
    ) throws {
        try connection.query(
            """
            update notifications
            set status = \(status), last_error = \(error), updated_at = \(clock.now())
            where kind = \(Self.kind) and subject_id = \(claimed.circleID)
                and recipient_uid = \(claimed.recipientUID) and status = 'sending'
            """)
    }

    private func facts(
        of circleID: CircleID, _ connection: Connection
    ) throws -> SummaryMail.Facts? {
        let rows = try connection.query(
            """
            select
                title, started_at, ended_at, member_count, peak_listeners, peak_speakers,
                total_minutes::float8, hand_raise_count, promotion_count, kick_count
            from circle_sessions
            where circle_id = \(circleID) and started_at is not null and ended_at is not null
            """)
        guard let row = rows.first else { return nil }
        return SummaryMail.Facts(
            circleID: circleID, title: try row.get(0), startedAt: try row.get(1),
            endedAt: try row.get(2), memberCount: try row.get(3), peakListeners: try row.get(4),
            peakSpeakers: try row.get(5), totalMinutes: try row.get(6),
            handRaiseCount: try row.get(7), promotionCount: try row.get(8),
            kickCount: try row.get(9))
    }
}
