import Database
import Domain
import Logging
import Metrics

/// Tells one receiver what it has not been told. Each receiver has a job of its own, so that one
/// that hangs delays nobody else.
///
/// A row is the claim, as with `notifications`. Of one incident's key everything goes out in the
/// order in which it happened, one after the other.
public struct AlertDeliveryJob: Job {
    /// Attempts at one delivery; with the waits between them some 100 minutes.
    static let attemptCountMax = 24
    private static let waitSecondsMax: Int64 = 300
    /// Deliveries in one run.
    private static let runCountMax = 100
    /// How long a `sending` row may be without an answer: receivers are given ten seconds.
    static let sendingSecondsMax: Int64 = 60

    public var name: String { "alert-delivery-\(receiver.name.rawValue)" }
    public let intervalMilliseconds: Int64 = 1000

    private let pool: ConnectionPool
    private let receiver: any AlertReceiver
    private let runbookURL: String
    private let clock: any WallClock
    private let logger: Logger

    public init(
        pool: ConnectionPool, receiver: any AlertReceiver, runbookURL: String,
        clock: any WallClock, logger: Logger
    ) {
        self.pool = pool
        self.receiver = receiver
        self.runbookURL = runbookURL
        self.clock = clock
        self.logger = logger
    }

    public func run(at now: Timestamp) async throws -> JobResult {
        let queue = AlertQueue(receiver: receiver.name, runbookURL: runbookURL)
        try await pool.withConnection { try queue.recoverOrphans($0, now: now) }
        var count = 0
        while count < Self.runCountMax {
            let claimedAt = clock.now()
            guard
                let claimed = try await pool.withConnection({
                    try queue.claim($0, now: claimedAt)
                })
            else { break }
            count += 1
            let answer = await receiver.send(claimed.notice, at: claimedAt)
            let verdict = Self.verdict(
                answer, attemptCount: claimed.attemptCount, receiver: receiver.name)
            let settledAt = clock.now()
            try await pool.withConnection { try queue.settle(claimed, verdict, $0, now: settledAt) }
            tell(claimed, verdict)
            // It is not well: the next run tries again, and what is due then.
            if case .pending = verdict { break }
        }
        return JobResult(count: count)
    }

    /// What becomes of a delivery.
    enum Verdict: Equatable {
        case sent
        case pending(error: String, waitSeconds: Int64)
        case failed(error: String)
        case uncertain(error: String)
    }

    static func verdict(
        _ answer: AlertAnswer, attemptCount: Int, receiver: AlertReceiverName
    ) -> Verdict {
        let (error, afterSeconds): (String, Int64?)
        switch answer {
        case .accepted: return .sent
        case .refused(let text): return .failed(error: text)
        case .unknown(let text) where !receiver.knowsRepeats: return .uncertain(error: text)
        case .unknown(let text): (error, afterSeconds) = (text, nil)
        case .later(let text, let after): (error, afterSeconds) = (text, after)
        }
        guard attemptCount < attemptCountMax else {
            return .failed(error: "given up after \(attemptCount) attempts: \(error)")
        }
        // 1 s, 2 s, 4 s … 300 s.
        let wait = min(Int64(1) << min(attemptCount - 1, 16), waitSecondsMax)
        return .pending(error: error, waitSeconds: max(wait, afterSeconds ?? 0))
    }

    private func tell(_ claimed: AlertQueue.Claimed, _ verdict: Verdict) {
        let result: String
        switch verdict {
        case .sent: result = "sent"
        case .pending(let error, _):
            result = "retried"
            warn(claimed, error)
        case .failed(let error):
            result = "failed"
            warn(claimed, error)
        case .uncertain(let error):
            result = "uncertain"
            warn(claimed, error)
        }
        Counter(
            label: "circles_alert_deliveries_total",
            dimensions: [("receiver", receiver.name.rawValue), ("result", result)]
        ).increment()
    }

    private func warn(_ claimed: AlertQueue.Claimed, _ error: String) {
        logger.warning(
            "alert not delivered",
            metadata: [
                "receiver": "\(receiver.name.rawValue)", "key": "\(claimed.notice.dedupKey)",
                "action": "\(claimed.notice.action.rawValue)", "error": "\(error)",
            ])
    }
}
