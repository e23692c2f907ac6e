import Database
import Domain
import Logging
import Metrics
import Synchronization

/// Reminds everyone with an RSVP, on each of their devices, shortly before the circle starts.
///
/// A row of `pushes` is the claim: `sending` is committed before the first byte goes out, so that
/// a push is shown at most once whatever dies when. docs/notifications.md has the rules.
public struct ReminderJob: Job {
    /// Pushes under way at once.
    static let concurrencyMax = 32
    /// Batches of claims in one run: what is left comes with the next.
    static let batchesPerRunMax = 80

    public let name = "reminders"
    public let intervalMilliseconds: Int64 = 2000

    public struct Configuration: Sendable {
        /// How long before the planned start reminders fall due, seconds.
        public var leadSeconds: Int64
        /// What a reminder opens; `{id}` stands for the circle's.
        public var deepLink: String

        public init(
            leadSeconds: Int64 = 600, deepLink: String = "mixercloud://circles/{id}"
        ) {
            self.leadSeconds = leadSeconds
            self.deepLink = deepLink
        }
    }

    /// Until when the sender takes nothing.
    private final class Rest: Sendable {
        private let until = Mutex<Timestamp?>(nil)

        func holds(at now: Timestamp, upTo limit: Int64) -> Bool {
            until.withLock { until in
                // A clock that was set back must not make a long rest of a short one.
                guard let end = until, now < end, end <= now.adding(seconds: limit) else {
                    until = nil
                    return false
                }
                return true
            }
        }

        func extend(to end: Timestamp) {
            until.withLock { $0 = max($0 ?? end, end) }
        }
    }

    private let pool: ConnectionPool
    private let sender: any PushSender
    private let clock: any WallClock
    private let logger: Logger
    private let configuration: Configuration
    private let rule: ReminderRule
    private let queue: ReminderQueue
    private let claims: ReminderClaims
    private let rest = Rest()
    private let metrics = ReminderMetrics()

    public init(
        _ configuration: Configuration, pool: ConnectionPool, sender: any PushSender,
        clock: any WallClock, logger: Logger
    ) {
        self.configuration = configuration
        self.pool = pool
        self.sender = sender
        self.clock = clock
        self.logger = logger
        rule = ReminderRule(leadSeconds: configuration.leadSeconds)
        queue = ReminderQueue(rule: rule)
        claims = ReminderClaims(rule: rule)
    }

    public func run(at now: Timestamp) async throws -> JobResult {
        let (queue, claims, clock) = (queue, claims, clock)
        let orphanCount = try await pool.transaction { try queue.giveUpOrphans($0, at: now) }
        if orphanCount > 0 {
            metrics.uncertain.increment(by: orphanCount)
            logger.warning("reminders of unknown fate", metadata: ["count": "\(orphanCount)"])
        }
        try await enqueue(at: now)
        var sentCount = 0
        var skipCount = 0
        for _ in 0..<Self.batchesPerRunMax {
            let now = clock.now()
            guard !Task.isCancelled,
                !rest.holds(at: now, upTo: RetryAfter.millisecondsMax / 1000),
                let batch = try await pool.transaction(
                    settings: ReminderClaims.planner, { try claims.take($0, at: now) })
            else { break }
            skipCount += batch.skipCount
            metrics.skipped.increment(by: batch.skipCount)
            sentCount += try await deliver(batch.claims)
        }
        guard sentCount + skipCount > 0 else {
            let isResting = rest.holds(at: clock.now(), upTo: RetryAfter.millisecondsMax / 1000)
            return isResting
                ? JobResult(count: 0, detail: "rests until the receiver is ready") : .idle
        }
        return JobResult(count: sentCount, detail: "\(sentCount) sent, \(skipCount) skipped")
    }

    private func enqueue(at now: Timestamp) async throws {
        let queue = queue
        try await pool.transaction { try queue.turnRounds($0, at: now) }
        for _ in 0..<ReminderQueue.batchesPerRunMax {
            guard try await pool.transaction({ try queue.extendRound($0, at: now) }) else { break }
        }
        try await pool.transaction { try queue.addLate($0, at: now) }
    }

    // MARK: Delivery

    /// Sends claimed reminders, some at a time.
    ///
    /// - Returns: how many were taken on.
    private func deliver(_ claimed: [ReminderClaims.Claim]) async throws -> Int {
        // A shutdown that cut requests off in the middle would leave pushes of unknown fate: what
        // is claimed is finished, which the sender's time limits bound.
        let job = self
        return try await Task {
            await withTaskGroup(of: Result<Bool, any Error>.self) {
                group -> Result<Int, any Error> in
                var count = 0
                var failure: (any Error)?
                var waiting = claimed[...]
                for claim in waiting.prefix(Self.concurrencyMax) {
                    group.addTask { await job.deliver(claim) }
                }
                waiting = waiting.dropFirst(Self.concurrencyMax)
                while let result = await group.next() {
                    switch result {
                    case .success(let isSent): count += isSent ? 1 : 0
                    case .failure(let error): failure = error
                    }
                    guard let claim = waiting.popFirst() else { continue }
                    group.addTask { await job.deliver(claim) }
                }
                return failure.map { .failure($0) } ?? .success(count)
            }
        }.value.get()
    }

    /// - Returns: whether it was taken on; a failure to write that down, which leaves the row to
    ///   become `uncertain`.
    private func deliver(_ claim: ReminderClaims.Claim) async -> Result<Bool, any Error> {
        do {
            let (claims, now) = (claims, clock.now())
            // Those behind one that was told to rest have not gone out: they wait as well.
            guard !rest.holds(at: now, upTo: RetryAfter.millisecondsMax / 1000) else {
                try await pool.transaction { try claims.putBack(claim, $0, at: now) }
                return .success(false)
            }
            let outcome = await sender.send(push(claim, at: now), to: claim.target)
            return .success(try await settle(claim, outcome))
        } catch {
            return .failure(error)
        }
    }

    private func push(_ claim: ReminderClaims.Claim, at now: Timestamp) -> Push {
        let title = PushText.cut(PushText.clean(claim.circleTitle))
        return Push(
            type: ReminderQueue.kind, circleID: claim.circleID,
            title: title.isEmpty ? "Your circle" : title,
            body: rule.words(status: claim.status, startAt: claim.startAt, at: now),
            deepLink: configuration.deepLink.replacing("{id}", with: "\(claim.circleID)"),
            expiresAt: claim.startAt.adding(seconds: ReminderRule.graceSeconds))
    }

    private func settle(
        _ claim: ReminderClaims.Claim, _ outcome: PushOutcome
    ) async throws -> Bool {
        let (claims, now) = (claims, clock.now())
        switch outcome {
        case .sent(let messageName):
            metrics.recordSent(dueAt: claim.dueAt, at: now)
            try await pool.transaction {
                try claims.settle(claim, "sent", messageName: messageName, $0, at: now)
            }
            return true
        case .failed(let reason, let isTokenDead):
            metrics.failed.increment()
            log("reminder not sent", claim, reason)
            try await pool.transaction {
                try claims.settle(claim, "failed", reason: reason, $0, at: now)
                if isTokenDead { try claims.forgetToken(of: claim, $0) }
            }
        case .uncertain(let reason):
            metrics.uncertain.increment()
            log("reminder of unknown fate", claim, reason)
            try await pool.transaction {
                try claims.settle(claim, "uncertain", reason: reason, $0, at: now)
            }
        case .retry(let reason, let wait):
            let first = PushBackoff.firstMilliseconds
            let wait = max(wait ?? backoff(claim, first: first), PushBackoff.leastMilliseconds)
            try await tryLater(claim, reason, wait: wait, at: now)
        case .rest(let reason, let wait):
            let first = PushBackoff.quotaMilliseconds
            let wait = max(wait ?? backoff(claim, first: first), PushBackoff.leastMilliseconds)
            rest.extend(to: now.adding(microseconds: wait * 1000))
            try await tryLater(claim, reason, wait: wait, at: now)
        }
        return false
    }

    private func backoff(_ claim: ReminderClaims.Claim, first: Int64) -> Int64 {
        PushBackoff.milliseconds(
            attempt: claim.attempt, first: first, fraction: Double.random(in: 0..<1))
    }

    /// Puts a claim back, unless the circle will have started by then.
    private func tryLater(
        _ claim: ReminderClaims.Claim, _ reason: String, wait: Int64, at now: Timestamp
    ) async throws {
        let claims = claims
        let next = now.adding(microseconds: wait * 1000)
        let isOver = next > claim.startAt || claim.attempt >= ReminderClaims.attemptCountMax
        if isOver {
            metrics.failed.increment()
            log("reminder not sent", claim, reason)
        } else {
            metrics.retried.increment()
        }
        try await pool.transaction {
            if isOver {
                try claims.settle(
                    claim, "failed", reason: "\(reason); no time for another attempt", $0, at: now)
            } else {
                try claims.settle(
                    claim, "pending", reason: reason, nextAttemptAt: next, $0, at: now)
            }
        }
    }

    private func log(_ message: Logger.Message, _ claim: ReminderClaims.Claim, _ reason: String) {
        logger.warning(
            message,
            metadata: [
                "circle": "\(claim.circleID)", "uid": "\(claim.target.uid)",
                "device": "\(claim.target.deviceID)", "reason": "\(reason)",
            ])
    }
}

/// What becomes of reminders.
private struct ReminderMetrics: Sendable {
    let sent = Self.counter("sent")
    let failed = Self.counter("failed")
    let uncertain = Self.counter("uncertain")
    let skipped = Self.counter("skipped")
    let retried = Self.counter("retried")
    /// From when a reminder fell due until it was sent.
    let delay = Timer(label: "circles_jobs_push_delay")

    private static func counter(_ result: String) -> Counter {
        Counter(label: "circles_jobs_pushes_total", dimensions: [("result", result)])
    }

    func recordSent(dueAt: Timestamp, at now: Timestamp) {
        sent.increment()
        delay.recordNanoseconds(max(now.microseconds - dueAt.microseconds, 0) * 1000)
    }
}
