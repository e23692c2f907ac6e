import Database
import Dispatch
import Domain
import Logging
import Synchronization

/// Tells those who follow circles that events of them have been stored.
///
/// It has a session and a thread of its own, so that no batch waits for it. Circles that come
/// while one NOTIFY is on its way go out together with the next. A signal that is lost costs its
/// readers their polling interval, no event.
final class LiveSignal: Sendable {
    /// The channel of `listen` and `notify`; the API has the same name. The payload holds circle
    /// ids with commas between, or nothing when they are too many.
    static let channel = "circles_events"
    /// PostgreSQL takes less than 8,000 bytes; an id and its comma have 37.
    static let circleCountMax = 7_000 / 37

    private struct State {
        var circles: Set<CircleID> = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let isPending = DispatchSemaphore(value: 0)
    private let databaseURL: String
    private let logger: Logger

    init(databaseURL: String, logger: Logger) {
        self.databaseURL = databaseURL
        self.logger = logger
    }

    func send(_ circles: Set<CircleID>) {
        let isFirst = state.withLock { state in
            defer {
                // One more than fit says that they are too many; which ones does not matter then.
                if state.circles.count <= Self.circleCountMax { state.circles.formUnion(circles) }
            }
            return state.circles.isEmpty
        }
        if isFirst { isPending.signal() }
    }

    /// Lets `run` return.
    func stop() {
        state.withLock { $0.isStopped = true }
        isPending.signal()
    }

    /// Sends what comes until `stop`.
    @available(*, noasync)
    func run() {
        var connection: Connection?
        while true {
            isPending.wait()
            let (circles, isStopped) = state.withLock { state in
                defer { state.circles.removeAll() }
                return (state.circles, state.isStopped)
            }
            if !circles.isEmpty {
                do {
                    if connection?.isAlive != true { connection = nil }
                    let open = try connection ?? connect()
                    connection = open
                    let payload = Self.payload(circles)
                    try open.query("select pg_notify(\(Self.channel), \(payload))")
                } catch {
                    // Readers look by themselves each second.
                    connection = nil
                    logger.debug("no signal", metadata: ["error": "\(error)"])
                }
            }
            if isStopped { return }
        }
    }

    private func connect() throws -> Connection {
        // Nothing of it has to survive a crash, so its commit need not wait for the disk.
        try Connection(
            url: databaseURL, applicationName: "circles-ingest-signal", role: .ingest,
            settings: [("synchronous_commit", "off")])
    }

    static func payload(_ circles: Set<CircleID>) -> String {
        circles.count > circleCountMax ? "" : circles.map(\.description).joined(separator: ",")
    }
}
