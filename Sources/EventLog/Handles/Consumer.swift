internal import CKafka

/// A member of a consumer group on one topic that keeps its offsets elsewhere.
///
/// One thread at a time; the group's callbacks run inside `poll` and `close`.
public final class Consumer {
    /// What the owner is told, and what it decides, when the group moves partitions.
    public struct Rebalance {
        /// Takes over partitions.
        ///
        /// - Returns: where to begin each; partitions left out are not consumed.
        var assigned: ([Int32]) -> [Int32: Int64]
        var revoked: ([Int32]) -> Void

        public init(
            assigned: @escaping ([Int32]) -> [Int32: Int64], revoked: @escaping ([Int32]) -> Void
        ) {
            self.assigned = assigned
            self.revoked = revoked
        }
    }

    public enum Issue: Sendable {
        /// The partition's log does not hold the offset asked for.
        case offsetOutOfRange(partition: Int32)
        case failed(EventLogError)
    }

    public struct Batch: Sendable {
        public var records: [LogRecord] = []
        public var issues: [Issue] = []
    }

    private let client: Client
    private let queue: OpaquePointer
    private let context: RebalanceContext
    private let topic: String
    private var messages: [UnsafeMutablePointer<rd_kafka_message_t>?]

    /// Joins the group.
    ///
    /// - Parameter fetchWaitMilliseconds: how long the broker may keep a request that finds nothing
    ///   new. The development broker keeps it as long even when something comes meanwhile.
    @available(*, noasync)
    public init(
        settings: KafkaSettings, group: String, topic: String, batchCountMax: Int,
        fetchWaitMilliseconds: Int, rebalance: Rebalance
    ) throws(EventLogError) {
        let context = RebalanceContext(topic: topic, rebalance)
        self.context = context
        self.topic = topic
        client = try Client(
            RD_KAFKA_CONSUMER,
            properties: [
                ("group.id", group), ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
                ("partition.assignment.strategy", "range"),
                ("fetch.wait.max.ms", "\(fetchWaitMilliseconds)"),
                ("session.timeout.ms", "\(settings.sessionTimeoutMilliseconds)"),
                ("heartbeat.interval.ms", "\(max(100, settings.sessionTimeoutMilliseconds / 6))"),
                ("fetch.error.backoff.ms", "50"), ("queued.min.messages", "20000"),
                ("queued.max.messages.kbytes", "16384"), ("reconnect.backoff.max.ms", "1000"),
                ("max.poll.interval.ms", "300000"), ("socket.nagle.disable", "true"),
            ],
            settings: settings, operation: "create consumer",
            configure: { configuration in
                rd_kafka_conf_set_opaque(
                    configuration, Unmanaged.passUnretained(context).toOpaque())
                rd_kafka_conf_set_rebalance_cb(configuration, onRebalance)
            })
        messages = Array(repeating: nil, count: batchCountMax)
        rd_kafka_poll_set_consumer(client.handle)
        queue = rd_kafka_queue_get_consumer(client.handle)
        guard let topics = rd_kafka_topic_partition_list_new(1) else {
            throw error(RD_KAFKA_RESP_ERR__FAIL, "subscribe")
        }
        defer { rd_kafka_topic_partition_list_destroy(topics) }
        rd_kafka_topic_partition_list_add(topics, topic, -1)
        let code = rd_kafka_subscribe(client.handle, topics)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "subscribe") }
    }

    deinit {
        rd_kafka_queue_destroy(queue)
    }

    /// Leaves the group; `revoked` is called for what was held.
    @available(*, noasync)
    public func close() {
        rd_kafka_consumer_close(client.handle)
    }

    /// Waits for records: up to the batch size, or until the time is up.
    @available(*, noasync)
    public func poll(milliseconds: Int) -> Batch {
        consumeBatch(from: queue, milliseconds: milliseconds, into: &messages)
    }

    /// Goes on reading the given partitions, and only these, from these offsets.
    @available(*, noasync)
    public func assign(_ offsets: [Int32: Int64]) throws(EventLogError) {
        let code = PartitionAssignment.assign(client.handle, topic: topic, offsets)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "assign") }
    }

    /// The first offset still in the log and the next to be written.
    @available(*, noasync)
    public func watermarks(partition: Int32) throws(EventLogError) -> (low: Int64, high: Int64) {
        try client.watermarks(of: topic, partition: partition, milliseconds: 5000)
    }
}

/// Waits until so many messages are in a queue as fit, or the time is up, and takes them.
func consumeBatch(
    from queue: OpaquePointer, milliseconds: Int,
    into messages: inout [UnsafeMutablePointer<rd_kafka_message_t>?]
) -> Consumer.Batch {
    var batch = Consumer.Batch()
    let count = messages.withUnsafeMutableBufferPointer { buffer in
        rd_kafka_consume_batch_queue(queue, Int32(milliseconds), buffer.baseAddress, buffer.count)
    }
    guard count > 0 else { return batch }
    batch.records.reserveCapacity(count)
    for index in 0..<count {
        if let message = messages[index] { batch.take(message) }
    }
    return batch
}

extension Consumer.Batch {
    /// Adds what a message says and frees it.
    mutating func take(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        defer { rd_kafka_message_destroy(message) }
        let it = message.pointee
        switch it.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            records.append(
                LogRecord(
                    partition: it.partition, offset: it.offset,
                    key: bytes(it.key, it.key_len), value: bytes(it.payload, it.len)))
        case RD_KAFKA_RESP_ERR__PARTITION_EOF: break
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            issues.append(.offsetOutOfRange(partition: it.partition))
        default:
            issues.append(.failed(error(it.err, "consume")))
        }
    }
}

func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8]? {
    guard let start else { return nil }
    return Array(UnsafeRawBufferPointer(start: start, count: count))
}

/// What the rebalance callback reaches through the client's opaque pointer; the consumer keeps it
/// alive as long as the client.
private final class RebalanceContext {
    let topic: String
    let rebalance: Consumer.Rebalance

    init(topic: String, _ rebalance: Consumer.Rebalance) {
        self.topic = topic
        self.rebalance = rebalance
    }
}

enum PartitionAssignment {
    static func assign(
        _ client: OpaquePointer?, topic: String, _ offsets: [Int32: Int64]
    ) -> rd_kafka_resp_err_t {
        let list = rd_kafka_topic_partition_list_new(Int32(offsets.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            rd_kafka_topic_partition_list_add(list, topic, partition)?.pointee.offset = offset
        }
        return rd_kafka_assign(client, list)
    }
}

private func onRebalance(
    client: OpaquePointer?, code: rd_kafka_resp_err_t,
    partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
    opaque: UnsafeMutableRawPointer?
) {
    guard let opaque else { return }
    let context = Unmanaged<RebalanceContext>.fromOpaque(opaque).takeUnretainedValue()
    var numbers: [Int32] = []
    if let list = partitions?.pointee {
        for index in 0..<Int(list.cnt) { numbers.append(list.elems[index].partition) }
    }
    if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
        // A failure to assign shows as an issue of the next poll.
        _ = PartitionAssignment.assign(
            client, topic: context.topic, context.rebalance.assigned(numbers))
    } else {
        context.rebalance.revoked(numbers)
        rd_kafka_assign(client, nil)
    }
}
