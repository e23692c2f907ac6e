import BlockingThread
import CircleStore
import Database
import Domain
import Logging
import ServiceLifecycle

/// Live updates of one API process: reads what Ingest stores and hands it to the open streams.
public final class LiveFeed: Service {
    let hub: LiveHub
    let limits: LiveLimits
    let metrics: LiveMetrics
    private let databaseURL: String
    private let clock: any WallClock
    private let logger: Logger
    private let wakeUp: WakeUp
    private let stop = StopFlag()

    public init(
        databaseURL: String, limits: LiveLimits = LiveLimits(), clock: any WallClock,
        logger: Logger
    ) {
        let wakeUp = WakeUp()
        let metrics = LiveMetrics()
        self.databaseURL = databaseURL
        self.clock = clock
        self.limits = limits
        self.logger = logger
        self.wakeUp = wakeUp
        self.metrics = metrics
        hub = LiveHub(limits: limits, metrics: metrics, wakeReader: { wakeUp.signal() })
    }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [self] in
                    try await BlockingThread.run(name: "live") { [self] in
                        LiveReader(
                            databaseURL: databaseURL, hub: hub, limits: limits, metrics: metrics,
                            clock: clock, wakeUp: wakeUp, logger: logger, stop: stop
                        ).run()
                    }
                }
                group.addTask { [self] in
                    while !Task.isCancelled {
                        // The pace of heartbeats; cancelled, it ends with the group.
                        try? await Task.sleep(for: .milliseconds(limits.tickMilliseconds))
                        hub.tick()
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: { [self] in
            stop.raise()
            wakeUp.signal()
            hub.close()
        }
        hub.close()
    }
}
