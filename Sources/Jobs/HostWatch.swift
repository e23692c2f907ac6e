import CircleStore
import Logging
import Metrics
import ServiceLifecycle

/// Settles live circles whose host has been gone longer than the grace: the earliest co-host takes
/// over, or the circle ends. Several processes may watch.
public struct HostWatch: Service {
    private let store: CircleStore
    private let logger: Logger
    private let settled = Counter(label: "circles_jobs_hostless_circles_settled_total")

    public init(store: CircleStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    public func run() async throws {
        // Ends when the process shuts down: a circle that is not settled now is so later.
        try? await cancelWhenGracefulShutdown {
            while true {
                do {
                    let count = try await store.settleHostless()
                    settled.increment(by: count)
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("hosts not looked after", metadata: ["error": "\(error)"])
                }
                // A grace that runs out has no other signal.
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
