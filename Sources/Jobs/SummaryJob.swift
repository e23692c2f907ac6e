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
    /// How long a `sending` row may be without an answer; SMTP is given up after one minute, and
    /// its goodbye after another.
    private static let sendingSecondsMax: Int64 = 240

    let client: SMTPClient
    let sender: String
    let clock: any WallClock
    let logger: Logger
    let mail: SummaryMail
    let signer: DKIMSigner?

    private let sent = Counter(label: "circles_jobs_mails_total", dimensions: [("result", "sent")])
    private let failed = Counter(
        label: "circles_jobs_mails_total", dimensions: [("result", "failed")])

    init(
        client: SMTPClient, sender: String, links: MailLinks = MailLinks(),
        signer: DKIMSigner? = nil, clock: any WallClock, logger: Logger
    ) throws {
        self.client = client
        self.sender = sender
        self.clock = clock
        self.logger = logger
        mail = try SummaryMail(links: links)
        self.signer = signer
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
        // Receivers mistrust message ids without a domain that exists.
        let domain = sender.split(separator: "@").last.map(String.init) ?? "circles"
        try connection.query(
            """
            insert into notifications (
                kind, subject_id, recipient_uid, address, status, attempt_count,
                next_attempt_at, message_id, created_at, updated_at
            )
            select
                \(Self.kind), circle_sessions.circle_id, circle_sessions.host_uid,
                circles.host_email,
                case
                    when circles.host_email is null then 'skipped'
                    when exists (
                        select
                        from unsubscribes
                        where unsubscribes.uid = circle_sessions.host_uid
                            and unsubscribes.kind = \(Self.kind)
                    ) then 'skipped'
                    else 'pending'
                end,
                0, \(now), 'summary.' || circle_sessions.circle_id || '@' || \(domain),
                \(now), \(now)
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
        guard try !hasUnsubscribed(claimed, connection) else {
            try finish(claimed, "skipped", error: "unsubscribed", connection)
            return
        }
        do throws(SMTPClient.Failure) {
            let bytes = try bytes(of: claimed, connection)
            try client.send(bytes, from: sender, to: claimed.address)
        } catch {
            try settle(error, claimed, connection)
            return
        }
        try finish(claimed, "sent", error: nil, connection)
        sent.increment()
        logger.info("summary sent", metadata: ["circle": "\(claimed.circleID)"])
    }

    /// The message as it goes out. Nothing has been sent when this fails, so it is tried again.
    private func bytes(
        of claimed: Claimed, _ connection: Connection
    ) throws(SMTPClient.Failure) -> [UInt8] {
        let reason: String
        do {
            if let facts = try SummaryFacts.read(claimed.circleID, connection) {
                return try mail.message(
                    facts, from: sender, to: claimed.address, recipientUID: claimed.recipientUID,
                    messageID: claimed.messageID, date: clock.now()
                ).bytes(signedBy: signer)
            }
            reason = "the circle's session is not there at the moment"
        } catch {
            reason = "the message was not made: \(error)"
        }
        throw SMTPClient.Failure(
            message: reason, replyCode: 0, isRetriable: true, isUncertain: false)
    }

    /// Whether the host has asked for no more since the row was made.
    private func hasUnsubscribed(_ claimed: Claimed, _ connection: Connection) throws -> Bool {
        try connection.query(
            """
            select
            from unsubscribes
            where uid = \(claimed.recipientUID) and kind = \(Self.kind)
            """
        ).count > 0
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
}
