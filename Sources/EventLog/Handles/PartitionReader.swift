internal import CKafka

/// Reads whole partitions from their first record, outside any group: for rebuilding tables.
public final class PartitionReader {
    private let client: Client
    private let topic: String
    public let partitionCount: Int
    /// A log that is silent for so long before its end will not say more.
    private static let idleSecondsMax = 30

    @available(*, noasync)
    public init(settings: KafkaSettings, topic: String) throws(EventLogError) {
        client = try Client(
            RD_KAFKA_CONSUMER,
            properties: [
                ("group.id", "circles-replay"), ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
                ("fetch.wait.max.ms", "10"),
            ],
            settings: settings, operation: "create reader")
        self.topic = topic
        partitionCount = try client.partitionCount(of: topic, milliseconds: 5000)
        rd_kafka_poll_set_consumer(client.handle)
    }

    /// Reads a partition from its first record up to what was its end at the call, in batches.
    @available(*, noasync)
    public func read(
        partition: Int32, batchCountMax: Int, _ body: ([LogRecord]) throws -> Void
    ) throws {
        let (low, high) = try client.watermarks(
            of: topic, partition: partition, milliseconds: 5000)
        guard low < high else { return }
        let list = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        rd_kafka_topic_partition_list_add(list, topic, partition)?.pointee.offset = low
        let code = rd_kafka_assign(client.handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "assign") }
        var batch: [LogRecord] = []
        var next = low
        var idleSeconds = 0
        while next < high {
            guard let message = rd_kafka_consumer_poll(client.handle, 1000) else {
                idleSeconds += 1
                guard idleSeconds < Self.idleSecondsMax else {
                    throw error(RD_KAFKA_RESP_ERR__TIMED_OUT, "read partition \(partition)")
                }
                continue
            }
            defer { rd_kafka_message_destroy(message) }
            let it = message.pointee
            guard it.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                let failure = error(it.err, "read partition \(partition)")
                guard failure.isRetriable else { throw failure }
                continue
            }
            idleSeconds = 0
            guard it.partition == partition else { continue }
            next = it.offset + 1
            batch.append(
                LogRecord(
                    partition: partition, offset: it.offset,
                    key: bytes(it.key, it.key_len), value: bytes(it.payload, it.len)))
            if batch.count >= batchCountMax {
                try body(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { try body(batch) }
    }
}
