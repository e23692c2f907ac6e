import BlockingThread
import Domain
import EventLog
import Logging
import ServiceLifecycle

/// A consumer of the events topic that keeps the tables: one group member, one thread.
public struct IngestService: Service {
    public struct Configuration: Sendable {
        public var databaseURL: String
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
        try await withGracefulShutdownHandler {
            try await BlockingThread.run(name: "ingest") {
                IngestWorker(
                    configuration: configuration, locator: locator, clock: clock, logger: logger,
                    stop: stop
                ).run()
            }
        } onGracefulShutdown: {
            stop.raise()
        }
    }
}
