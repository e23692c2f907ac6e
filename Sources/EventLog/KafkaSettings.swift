/// How to reach a Kafka cluster.
public struct KafkaSettings: Sendable, Equatable {
    /// `host:port`, comma-separated.
    public var bootstrapServers: String
    /// librdkafka properties that override ours: security, compression …
    public var properties: [String: String]
    public var clientID: String
    /// How long a silent consumer keeps its partitions.
    public var sessionTimeoutMilliseconds: Int

    public init(
        bootstrapServers: String, properties: [String: String] = [:], clientID: String = "circles",
        sessionTimeoutMilliseconds: Int = 6000
    ) {
        self.bootstrapServers = bootstrapServers
        self.properties = properties
        self.clientID = clientID
        self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
    }
}

/// A cluster as it is now; a new `incarnation` at the same place is a log that started anew.
public struct KafkaEndpoint: Sendable, Equatable {
    public var settings: KafkaSettings
    /// Constant for a real cluster; the embedded broker has a new one each time it starts.
    public var incarnation: String

    public init(settings: KafkaSettings, incarnation: String) {
        self.settings = settings
        self.incarnation = incarnation
    }
}

/// Finds the cluster: asked at the start and again when the connection is lost.
public protocol KafkaLocator: Sendable {
    /// Blocks for the look-up at most.
    ///
    /// - Returns: `nil` while there is none.
    @available(*, noasync)
    func locate() throws -> KafkaEndpoint?
}

/// A cluster at a fixed address.
public struct FixedKafkaLocator: KafkaLocator {
    private let endpoint: KafkaEndpoint

    public init(_ settings: KafkaSettings) {
        endpoint = KafkaEndpoint(settings: settings, incarnation: "fixed")
    }

    public func locate() -> KafkaEndpoint? { endpoint }
}

/// The topics' names and shapes.
public enum Topic {
    public static let events = "circles.events.v1"
    public static let quality = "circles.quality.v1"
    public static let partitionCountDefault = 24
    public static let all = [events, quality]
}

/// A record read from a partition.
public struct LogRecord: Sendable {
    public let partition: Int32
    public let offset: Int64
    public let key: [UInt8]?
    /// `nil` for a tombstone.
    public let value: [UInt8]?

    public init(partition: Int32, offset: Int64, key: [UInt8]?, value: [UInt8]?) {
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
    }
}
