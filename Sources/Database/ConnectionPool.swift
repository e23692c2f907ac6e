import BlockingThread
import Foundation
import Synchronization

/// A fixed number of sessions, each on a thread of its own, that run blocking work for async
/// callers.
///
/// A unit of work is one closure that gets the session: it runs from start to end on that
/// thread, so no suspension can happen inside a transaction and no lock is held across one.
public final class ConnectionPool: Sendable {
    private typealias Job = @Sendable (Result<Connection, DatabaseError>) -> Void

    private struct State {
        var waiting: [Job] = []
        var head = 0
        var isClosed = false

        var waitingCount: Int { waiting.count - head }

        mutating func next() -> Job? {
            guard head < waiting.count else { return nil }
            defer {
                head += 1
                // What is done is dropped before it outweighs what waits.
                if head * 2 >= waiting.count {
                    waiting.removeFirst(head)
                    head = 0
                }
            }
            return waiting[head]
        }
    }

    /// For a server on this machine: commands of sessions that take turns on a core cost up to a
    /// quarter more each, because none finds its own in the core's caches.
    public static var sizeOfMachine: Int { max(2, ProcessInfo.processInfo.activeProcessorCount) }

    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)
    private let url: String
    private let applicationName: String
    private let role: ServiceRole?
    private let settings: [(name: String, value: String)]
    private let size: Int
    private let waitingCountMax: Int

    /// - Parameters:
    ///   - size: how many sessions, opened when first used.
    ///   - waitingCountMax: how many units of work may wait; past it they are refused at once.
    public init(
        url: String, applicationName: String, role: ServiceRole? = nil, size: Int,
        waitingCountMax: Int = 4096, settings: [(name: String, value: String)] = []
    ) {
        precondition(size > 0, "a pool has at least one session")
        self.url = url
        self.applicationName = applicationName
        self.role = role
        self.size = size
        self.waitingCountMax = waitingCountMax
        self.settings = settings
        for index in 0..<size {
            BlockingThread.start(name: "pg-\(index)") { self.work() }
        }
    }

    /// Runs `body` with a session on that session's thread.
    ///
    /// - Throws: what `body` throws, or a retriable `DatabaseError` when no session can be had.
    public func withConnection<Result: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isQueued = enqueue { connection in
                continuation.resume(
                    with: Swift.Result { try body(try connection.get()) })
            }
            if !isQueued {
                continuation.resume(
                    throwing: DatabaseError(
                        code: DatabaseError.poolFullCode,
                        message: "the database queue is full or closed", operation: "queue"))
            }
        }
    }

    /// Runs `body` with a session some time soon, for work that nobody waits for and that may be
    /// lost, such as a wake-up.
    ///
    /// - Parameter body: gets no session when none can be had.
    /// - Returns: whether `body` will run; `false` when the queue is full.
    public func submit(_ body: @escaping @Sendable (Connection?) throws -> Void) -> Bool {
        enqueue { connection in
            // Errors are dropped, as said above.
            try? body(try? connection.get())
        }
    }

    /// Runs `body` in one transaction on one session.
    ///
    /// - Parameters:
    ///   - mode: what follows `begin`, from our own code.
    ///   - settings: run-time parameters of this transaction alone; names from our own code.
    public func transaction<Result: Sendable>(
        mode: String = "", settings: [(name: String, value: String)] = [],
        _ body: @escaping @Sendable (Connection) throws -> Result
    ) async throws -> Result {
        try await withConnection { connection in
            try connection.transaction(mode: mode, settings: settings) { try body(connection) }
        }
    }

    /// Lets the queued work finish and closes the sessions; later work is refused.
    public func close() {
        state.withLock { $0.isClosed = true }
        for _ in 0..<size { available.signal() }
    }

    private func enqueue(_ job: @escaping Job) -> Bool {
        let isQueued = state.withLock { state in
            guard !state.isClosed, state.waitingCount < waitingCountMax else { return false }
            state.waiting.append(job)
            return true
        }
        if isQueued { available.signal() }
        return isQueued
    }

    private func work() {
        var connection: Connection?
        while true {
            available.wait()
            guard let job = state.withLock({ $0.next() }) else {
                if state.withLock({ $0.isClosed }) { return }
                continue
            }
            if connection?.isAlive != true {
                connection = nil
            }
            do throws(DatabaseError) {
                let open =
                    if let connection { connection } else {
                        try Connection(
                            url: url, applicationName: applicationName, role: role,
                            settings: settings)
                    }
                connection = open
                job(.success(open))
            } catch {
                job(.failure(error))
            }
        }
    }
}
