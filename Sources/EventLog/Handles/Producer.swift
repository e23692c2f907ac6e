internal import CKafka

/// A record to be published.
public struct OutgoingRecord: Sendable {
    /// `nil`: the first of the producer's topics.
    public var topic: String?
    public var partition: Int32
    public var key: [UInt8]
    public var value: [UInt8]
    public var headers: [(name: String, value: String)]

    public init(
        topic: String? = nil, partition: Int32, key: [UInt8], value: [UInt8],
        headers: [(name: String, value: String)]
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Publishes batches of records to one or more topics: idempotent, `acks=all`, in order per
/// partition.
///
/// One thread at a time.
public final class Producer {
    /// What became of one record.
    public enum Delivery: Sendable {
        case stored(offset: Int64)
        case failed(EventLogError)
        /// Not known: the wait was given up. The record may or may not be in the log.
        case unknown
    }

    private let client: Client
    private let reports: OpaquePointer
    private let topic: String
    private let partitionCounts: [String: Int]
    private var batchNumber: UInt32 = 0

    /// Connects and learns the topics' shapes.
    ///
    /// - Throws: `EventLogError`, retriable, when no broker answers in `milliseconds`.
    @available(*, noasync)
    public init(
        settings: KafkaSettings, topics: [String], connectMilliseconds: Int = 5000
    ) throws(EventLogError) {
        precondition(!topics.isEmpty, "a producer has a topic")
        client = try Client(
            RD_KAFKA_PRODUCER,
            properties: [
                ("enable.idempotence", "true"), ("acks", "all"), ("linger.ms", "1"),
                ("message.timeout.ms", "30000"), ("queue.buffering.max.messages", "200000"),
                ("socket.nagle.disable", "true"), ("reconnect.backoff.max.ms", "1000"),
            ],
            settings: settings, operation: "create producer",
            configure: { rd_kafka_conf_set_events($0, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR) })
        topic = topics[0]
        var counts: [String: Int] = [:]
        for topic in topics {
            counts[topic] = try client.partitionCount(
                of: topic, milliseconds: Int32(connectMilliseconds))
        }
        partitionCounts = counts
        reports = rd_kafka_queue_get_main(client.handle)
    }

    @available(*, noasync)
    public convenience init(
        settings: KafkaSettings, topic: String, connectMilliseconds: Int = 5000
    ) throws(EventLogError) {
        try self.init(
            settings: settings, topics: [topic], connectMilliseconds: connectMilliseconds)
    }

    deinit {
        // What is still queued belongs to an outbox that will offer it again.
        rd_kafka_purge(client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        rd_kafka_queue_destroy(reports)
    }

    /// The partition of a key, as every Kafka client with the Java default partitioner has it.
    ///
    /// - Parameter topic: one of the producer's; `nil` is its first.
    public func partition(of key: [UInt8], topic: String? = nil) -> Int32 {
        guard let count = partitionCounts[topic ?? self.topic] else {
            preconditionFailure("the producer was not made for the topic")
        }
        return Self.partition(of: key, partitionCount: count)
    }

    /// How many partitions the first topic has.
    public var partitionCount: Int { partitionCounts[topic] ?? 0 }

    public static func partition(of key: [UInt8], partitionCount: Int) -> Int32 {
        Int32(bitPattern: murmur2(key) & 0x7FFF_FFFF) % Int32(partitionCount)
    }

    /// Publishes all records and waits until the broker has answered for each.
    ///
    /// - Parameter isAbandoned: asked every 50 ms; `true` gives the wait up.
    /// - Returns: one delivery per record, in the records' order.
    @available(*, noasync)
    public func publish(
        _ records: [OutgoingRecord], isAbandoned: () -> Bool
    ) throws(EventLogError) -> [Delivery] {
        batchNumber &+= 1
        var deliveries = [Delivery](repeating: .unknown, count: records.count)
        var openCount = 0
        for (index, record) in records.enumerated() {
            var code = enqueue(record, tag: UInt(batchNumber) << 32 | UInt(index + 1))
            while code == RD_KAFKA_RESP_ERR__QUEUE_FULL, !isAbandoned() {
                openCount -= takeReports(into: &deliveries, milliseconds: 50)
                code = enqueue(record, tag: UInt(batchNumber) << 32 | UInt(index + 1))
            }
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                openCount += 1
            } else {
                deliveries[index] = .failed(error(code, "produce"))
            }
        }
        while openCount > 0, !isAbandoned() {
            openCount -= takeReports(into: &deliveries, milliseconds: 50)
            try checkFatal()
        }
        return deliveries
    }

    private func checkFatal() throws(EventLogError) {
        var text = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(client.handle, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw EventLogError(
            code: String(cString: rd_kafka_err2name(code)), message: string(text),
            operation: "produce", isRetriable: false)
    }

    private func enqueue(_ record: OutgoingRecord, tag: UInt) -> rd_kafka_resp_err_t {
        let headers = rd_kafka_headers_new(record.headers.count)
        for header in record.headers {
            rd_kafka_header_add(headers, header.name, -1, header.value, -1)
        }
        // librdkafka copies what it is given (MSGFLAG_COPY) and owns the headers on success.
        let failure = (record.topic ?? topic).withCString { topic in
            record.key.withUnsafeBytes { key in
                record.value.withUnsafeBytes { value in
                    var fields = [rd_kafka_vu_t](repeating: rd_kafka_vu_t(), count: 7)
                    fields[0].vtype = RD_KAFKA_VTYPE_TOPIC
                    fields[0].u.cstr = topic
                    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION
                    fields[1].u.i32 = record.partition
                    fields[2].vtype = RD_KAFKA_VTYPE_KEY
                    fields[2].u.mem = .init(
                        ptr: UnsafeMutableRawPointer(mutating: key.baseAddress), size: key.count)
                    fields[3].vtype = RD_KAFKA_VTYPE_VALUE
                    fields[3].u.mem = .init(
                        ptr: UnsafeMutableRawPointer(mutating: value.baseAddress),
                        size: value.count)
                    fields[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS
                    fields[4].u.i = RD_KAFKA_MSG_F_COPY
                    fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE
                    fields[5].u.ptr = UnsafeMutableRawPointer(bitPattern: tag)
                    fields[6].vtype = RD_KAFKA_VTYPE_HEADERS
                    fields[6].u.headers = headers
                    return rd_kafka_produceva(client.handle, fields, fields.count)
                }
            }
        }
        guard let failure else { return RD_KAFKA_RESP_ERR_NO_ERROR }
        defer { rd_kafka_error_destroy(failure) }
        rd_kafka_headers_destroy(headers)
        return rd_kafka_error_code(failure)
    }

    /// - Returns: how many records of the current batch were reported on.
    private func takeReports(into deliveries: inout [Delivery], milliseconds: Int32) -> Int {
        guard let event = rd_kafka_queue_poll(reports, milliseconds) else { return 0 }
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR else { return 0 }
        var count = 0
        while let message = rd_kafka_event_message_next(event) {
            let tag = UInt(bitPattern: message.pointee._private)
            let index = Int(tag & 0xFFFF_FFFF) - 1
            guard tag >> 32 == UInt(batchNumber), deliveries.indices.contains(index) else {
                continue
            }
            count += 1
            deliveries[index] =
                message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR
                ? .stored(offset: message.pointee.offset)
                : .failed(error(message.pointee.err, "produce"))
        }
        return count
    }
}
