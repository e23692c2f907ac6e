import BlockingThread
import Domain
import EventLog
import Logging
import ServiceLifecycle

/// Publishes the outbox to Kafka: in order per circle, each row until Ingest has stored it.
///
/// Several processes may run it; one of them is active per shard of circles, by advisory lock.
public struct OutboxRelay: Service {
    public struct Configuration: Sendable {
        public var databaseURL: String
        public var shardCount: Int
        /// How many bytes of a partition may be published and not yet stored. An embedded broker
        /// drops a partition's oldest records past 5 MiB.
        public var unstoredByteCountMax: Int
        /// How many rows one round publishes.
        public var batchCountMax: Int

        public init(
            databaseURL: String, shardCount: Int = 1, unstoredByteCountMax: Int = 2 << 20,
            batchCountMax: Int = 2000
        ) {
            self.databaseURL = databaseURL
            self.shardCount = shardCount
            self.unstoredByteCountMax = unstoredByteCountMax
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
            try await withThrowingTaskGroup(of: Void.self) { group in
                for shard in 0..<configuration.shardCount {
                    group.addTask {
                        try await BlockingThread.run(name: "relay-\(shard)") {
                            RelayWorker(
                                shard: shard, configuration: configuration, locator: locator,
                                clock: clock, logger: logger, stop: stop
                            ).run()
                        }
                    }
                }
                try await group.waitForAll()
            }
        } onGracefulShutdown: {
            stop.raise()
        }
    }
}
