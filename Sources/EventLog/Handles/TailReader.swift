internal import CKafka

/// Reads all partitions of a topic from now on, outside any group: for those who follow what
/// happens and have its past from elsewhere.
///
/// Whatever is published after `init` has returned is read, unless an issue says otherwise; then
/// the owner looks at the state elsewhere and makes another reader. One thread at a time.
public final class TailReader {
    private let client: Client
    private let errors: ErrorBox
    private let queue: OpaquePointer
    private var messages: [UnsafeMutablePointer<rd_kafka_message_t>?]
    public let partitionCount: Int

    /// Finds the end of every partition and begins there.
    ///
    /// - Throws: `EventLogError`, retriable, when the broker does not answer.
    @available(*, noasync)
    public init(
        settings: KafkaSettings, topic: String, batchCountMax: Int = 1000
    ) throws(EventLogError) {
        let errors = ErrorBox()
        self.errors = errors
        client = try Client(
            RD_KAFKA_CONSUMER,
            properties: [
                // A group is needed for the assignment, and never joined.
                ("group.id", "circles-tail"), ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
                ("fetch.wait.max.ms", "10"), ("fetch.error.backoff.ms", "50"),
                ("socket.nagle.disable", "true"), ("reconnect.backoff.max.ms", "1000"),
            ],
            settings: settings, operation: "create tail reader",
            configure: { configuration in
                rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(errors).toOpaque())
                rd_kafka_conf_set_error_cb(configuration, onError)
            })
        partitionCount = try client.partitionCount(of: topic, milliseconds: 5000)
        messages = Array(repeating: nil, count: batchCountMax)
        rd_kafka_poll_set_consumer(client.handle)
        queue = rd_kafka_queue_get_consumer(client.handle)
        var ends: [Int32: Int64] = [:]
        for partition in 0..<Int32(partitionCount) {
            // Asked now: "the end" as an offset would be found later, past what comes meanwhile.
            ends[partition] = try client.watermarks(
                of: topic, partition: partition, milliseconds: 5000
            ).high
        }
        let code = PartitionAssignment.assign(client.handle, topic: topic, ends)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "assign") }
    }

    deinit {
        rd_kafka_queue_destroy(queue)
    }

    /// Waits for a record until the time is up, and takes what else is there. That the broker is
    /// gone shows when the time is up.
    @available(*, noasync)
    public func poll(milliseconds: Int) -> Consumer.Batch {
        var batch = Consumer.Batch()
        // The batch call would wait for a full batch: the first record comes alone.
        if let first = rd_kafka_consume_queue(queue, Int32(clamping: milliseconds)) {
            batch.take(first)
            let rest = consumeBatch(from: queue, milliseconds: 0, into: &messages)
            batch.records += rest.records
            batch.issues += rest.issues
        }
        batch.issues += errors.take().map(Consumer.Issue.failed)
        return batch
    }
}

/// What the error callback, which runs inside `poll`, leaves for it; the reader keeps it alive as
/// long as the client.
private final class ErrorBox {
    private var errors: [EventLogError] = []
    private static let countMax = 16

    func put(_ error: EventLogError) {
        if errors.count < Self.countMax { errors.append(error) }
    }

    func take() -> [EventLogError] {
        defer { errors = [] }
        return errors
    }
}

private func onError(
    client: OpaquePointer?, code: Int32, reason: UnsafePointer<CChar>?,
    opaque: UnsafeMutableRawPointer?
) {
    guard let opaque else { return }
    Unmanaged<ErrorBox>.fromOpaque(opaque).takeUnretainedValue()
        .put(error(rd_kafka_resp_err_t(code), "consume"))
}
