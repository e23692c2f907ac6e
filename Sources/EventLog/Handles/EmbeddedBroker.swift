internal import CKafka
internal import Glibc

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

    /// Few: for each partition of each fetch, some hundred times a second, the mock cluster walks
    /// through the batches that the partition holds. With 24 that took half a core after 60,000
    /// events at 1,000 a second.
    public static let partitionCountDefault = 2

    @available(*, noasync)
    public init(
        topics: [String] = Topic.all, partitionCount: Int = partitionCountDefault
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
        answerWithoutDelay(port: bootstrapServers.split(separator: ":").last.flatMap { UInt16($0) })
        for topic in topics {
            let code = rd_kafka_mock_topic_create(cluster, topic, Int32(partitionCount), 1)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "create \(topic)") }
        }
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
    }
}

/// Sets TCP_NODELAY on the listening socket, which those that it accepts inherit (tcp(7)).
///
/// The mock cluster leaves Nagle's algorithm on. Answers to the requests that a producer sends for
/// several partitions at once then wait for each other's acknowledgement, some 40 ms (RFC 1122
/// 4.2.3.2 and 4.2.3.4).
private func answerWithoutDelay(port: UInt16?) {
    guard let port else { return }
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    for descriptor in 0..<Int32(min(limit.rlim_cur, 65_536)) {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isNamed, address.sin_family == AF_INET, address.sin_port == port.bigEndian else {
            continue
        }
        var isOn: Int32 = 1
        // Without it, answers are only later.
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn,
            socklen_t(MemoryLayout<Int32>.size))
    }
}
