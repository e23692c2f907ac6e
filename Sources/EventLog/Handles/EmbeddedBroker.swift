internal import CKafka

/// The embedded development broker: librdkafka's mock cluster, which speaks the Kafka protocol
/// over TCP on 127.0.0.1.
///
/// A transport, not a store: it keeps at most 5 MiB a partition, in memory, does not drop an
/// idempotent producer's duplicates, and forgets everything when it stops.
/// Source: librdkafka 2.0.2, `rdkafka_mock.h`.
public final class EmbeddedBroker: @unchecked Sendable {
    // @unchecked: the handles never change after init, and librdkafka's functions on them take
    // its own locks.
    private let client: Client
    private let cluster: OpaquePointer
    public let bootstrapServers: String

    @available(*, noasync)
    public init(
        topics: [String] = Topic.all, partitionCount: Int = Topic.partitionCountDefault
    ) throws(EventLogError) {
        client = try Client(
            RD_KAFKA_PRODUCER, properties: [("client.id", "embedded-broker")], settings: nil,
            operation: "create broker")
        guard let cluster = rd_kafka_mock_cluster_new(client.handle, 1),
            let servers = rd_kafka_mock_cluster_bootstraps(cluster)
        else {
            throw error(RD_KAFKA_RESP_ERR__FAIL, "create broker")
        }
        self.cluster = cluster
        bootstrapServers = String(cString: servers)
        for topic in topics {
            let code = rd_kafka_mock_topic_create(cluster, topic, Int32(partitionCount), 1)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "create \(topic)") }
        }
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
    }
}
