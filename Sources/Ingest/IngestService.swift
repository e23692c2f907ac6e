import BlockingThread
import Domain
import EventLog
import Logging
import ServiceLifecycle

/// Consumers of the events and of the quality topic that keep the tables: for each topic one
/// group member, one thread; and a third thread for rollups.
public struct IngestService: Service {
    public struct Configuration: Sendable {
        public var databaseURL: String
        /// The events' consumer group; that of quality has `-quality` behind it.
        public var group: String
        /// How many records one transaction holds at most.
        public var batchCountMax: Int

        public init(
            databaseURL: String, group: String = "circles-ingest", batchCountMax: Int = 20_000
        ) {
            self.databaseURL = databaseURL
            self.group = group
            self.batchCountMax = batchCountMax
        }
    }

    private let configuration: Configuration
    private let locator: any KafkaLocator
    private let clock: any WallClock
    private let logger: Logger

    public init(
        configuration: Configuration, locator: any KafkaLocator, clock: any WallClock,
        logger: Logger
    ) {
        self.configuration = configuration
        self.locator = locator
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        let stop = StopFlag()
        let signal = LiveSignal(databaseURL: configuration.databaseURL, logger: logger)
        try await withGracefulShutdownHandler {
            async let signals: Void = BlockingThread.run(name: "ingest-signal") { signal.run() }
            async let events: Void = BlockingThread.run(name: "ingest") {
                defer { signal.stop() }
                worker(Ingestor(target: .live, signal: signal), group: configuration.group, stop)
                    .run()
            }
            async let quality: Void = BlockingThread.run(name: "quality") {
                worker(QualityStore(), group: configuration.group + "-quality", stop).run()
            }
            let settler = Settler(
                databaseURL: configuration.databaseURL, clock: clock, logger: logger, stop: stop)
            async let settling: Void = BlockingThread.run(name: "settle") { settler.run() }
            _ = try await (events, quality, signals, settling)
        } onGracefulShutdown: {
            stop.raise()
        }
    }

    private func worker<Store: BatchStore>(
        _ store: Store, group: String, _ stop: StopFlag
    ) -> IngestWorker<Store> {
        IngestWorker(
            store, group: group, configuration: configuration, locator: locator, clock: clock,
            logger: logger, stop: stop)
    }
}
