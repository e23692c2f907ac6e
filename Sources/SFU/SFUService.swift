import BlockingThread
import CircleStore
import Domain
import EventLog
import Hummingbird
import Logging
import MediaCrypto
import RTC
import ServiceLifecycle
import Tokens

/// One SFU node: workers, signalling, control and telemetry.
public struct SFUService: Service {
    public struct Configuration: Sendable {
        /// Unique among the nodes; the same after a restart.
        public var nodeID: String
        /// Where signalling listens.
        public var host: String
        /// 0 takes a free one.
        public var port: Int
        /// Where media listens, an IP address.
        public var mediaHost: String
        /// The first worker's UDP port, the next ones follow; 0 takes free ones.
        public var mediaPort: Int
        /// The IP address in ICE candidates; empty for `mediaHost`.
        public var candidateHost: String
        /// How clients reach signalling; empty for `http://host:port`.
        public var publicURL: String
        public var workerCount: Int
        public var resumeSeconds: Int64
        public var qualitySeconds: Int64

        public init(
            nodeID: String, host: String, port: Int, mediaHost: String, mediaPort: Int,
            candidateHost: String = "", publicURL: String = "", workerCount: Int,
            resumeSeconds: Int64 = 60, qualitySeconds: Int64 = 5
        ) {
            self.nodeID = nodeID
            self.host = host
            self.port = port
            self.mediaHost = mediaHost
            self.mediaPort = mediaPort
            self.candidateHost = candidateHost
            self.publicURL = publicURL
            self.workerCount = workerCount
            self.resumeSeconds = resumeSeconds
            self.qualitySeconds = qualitySeconds
        }
    }

    public struct Dependencies: Sendable {
        public var store: CircleStore
        public var tokens: MediaTokens
        public var locator: any KafkaLocator
        public var clock: any WallClock
        /// The text of `/metrics`.
        public var exposition: @Sendable () -> String

        public init(
            store: CircleStore, tokens: MediaTokens, locator: any KafkaLocator,
            clock: any WallClock, exposition: @escaping @Sendable () -> String
        ) {
            self.store = store
            self.tokens = tokens
            self.locator = locator
            self.clock = clock
            self.exposition = exposition
        }
    }

    private let configuration: Configuration
    private let dependencies: Dependencies
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameter onListening: told signalling's port once the node takes clients.
    public init(
        _ configuration: Configuration, _ dependencies: Dependencies, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.dependencies = dependencies
        self.logger = logger
        self.onListening = onListening
    }

    public func run() async throws {
        let workers = try (0..<configuration.workerCount).map { index in
            try MediaWorker(
                index: index, host: configuration.mediaHost,
                port: configuration.mediaPort == 0
                    ? 0 : UInt16(clamping: configuration.mediaPort + index))
        }
        let certificate = try DTLSCertificate()
        let telemetry = TelemetrySender(locator: dependencies.locator, logger: logger)
        let reader = ControlReader(locator: dependencies.locator, logger: logger)
        let runner = NodeRunner(
            configuration: configuration, dependencies: dependencies, workers: workers,
            certificate: certificate, telemetry: telemetry, reader: reader, logger: logger,
            onListening: onListening)
        try await runner.run()
    }
}
