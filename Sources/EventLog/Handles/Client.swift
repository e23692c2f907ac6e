import BlockingThread
internal import CKafka
import Dispatch
import Synchronization

/// A librdkafka client handle with its configuration.
///
/// librdkafka: "The C API is also thread-safe … rd_kafka_t handle may be shared between threads"
/// (INTRODUCTION.md, "Threads and callbacks"). The owners here still use it from one thread, but for
/// what has no time-out of its own.
///
/// @unchecked: the one property is that thread-safe handle, and it never changes.
final class Client: @unchecked Sendable {
    let handle: OpaquePointer

    /// - Parameter configure: last changes to the configuration, such as callbacks.
    init(
        _ type: rd_kafka_type_t, properties: [(String, String)], settings: KafkaSettings?,
        operation: String, configure: (OpaquePointer) -> Void = { _ in }
    ) throws(EventLogError) {
        guard let configuration = rd_kafka_conf_new() else {
            throw EventLogError(
                code: "_ALLOC", message: "out of memory", operation: operation, isRetriable: false)
        }
        // Logs go nowhere: what matters comes back as an error of an operation.
        var all = properties + [("log_level", "0")]
        if let settings {
            all.append(("bootstrap.servers", settings.bootstrapServers))
            all.append(("client.id", settings.clientID))
            all.append(contentsOf: settings.properties.sorted { $0.key < $1.key })
        }
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in all
        where rd_kafka_conf_set(configuration, name, value, &text, text.count) != RD_KAFKA_CONF_OK {
            rd_kafka_conf_destroy(configuration)
            throw EventLogError(
                code: "_INVALID_ARG", message: string(text), operation: operation,
                isRetriable: false)
        }
        configure(configuration)
        guard let handle = rd_kafka_new(type, configuration, &text, text.count) else {
            rd_kafka_conf_destroy(configuration)
            throw EventLogError(
                code: "_INVALID_ARG", message: string(text), operation: operation,
                isRetriable: false)
        }
        self.handle = handle
    }

    deinit {
        rd_kafka_destroy(handle)
    }

    /// How many partitions a topic has.
    func partitionCount(of topic: String, milliseconds: Int32) throws(EventLogError) -> Int {
        let operation = "metadata of \(topic)"
        guard let topicHandle = rd_kafka_topic_new(handle, topic, nil) else {
            throw error(rd_kafka_last_error(), operation)
        }
        defer { rd_kafka_topic_destroy(topicHandle) }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 0, topicHandle, &metadata, milliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw error(code, operation) }
        defer { rd_kafka_metadata_destroy(metadata) }
        guard metadata.pointee.topic_cnt == 1 else {
            throw error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, operation)
        }
        let found = metadata.pointee.topics[0]
        guard found.err == RD_KAFKA_RESP_ERR_NO_ERROR, found.partition_cnt > 0 else {
            throw error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, operation)
        }
        return Int(found.partition_cnt)
    }

    /// The first offset still there and the next one to be written.
    ///
    /// Asked on a thread of its own: librdkafka 2.0.2 asks a broker that is gone again and again,
    /// past any time-out (`rd_kafka_query_wmark_offsets_resp_cb`). The thread keeps the client
    /// until it is through.
    func watermarks(
        of topic: String, partition: Int32, milliseconds: Int32
    ) throws(EventLogError) -> (low: Int64, high: Int64) {
        let answer = WatermarkAnswer()
        BlockingThread.start(name: "kafka-marks") { [self] in
            var low: Int64 = 0
            var high: Int64 = 0
            let code = rd_kafka_query_watermark_offsets(
                handle, topic, partition, &low, &high, milliseconds)
            answer.give(code, low: low, high: high)
        }
        guard let (code, low, high) = answer.wait(milliseconds: Int(milliseconds) + 1000) else {
            throw error(RD_KAFKA_RESP_ERR__TIMED_OUT, "watermarks of \(topic)[\(partition)]")
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw error(code, "watermarks of \(topic)[\(partition)]")
        }
        return (low, high)
    }
}

/// What librdkafka says of a partition's ends, from the thread that asks to the one that waits.
private final class WatermarkAnswer: Sendable {
    private let answer = Mutex<(code: rd_kafka_resp_err_t, low: Int64, high: Int64)?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func give(_ code: rd_kafka_resp_err_t, low: Int64, high: Int64) {
        answer.withLock { $0 = (code, low, high) }
        isThere.signal()
    }

    /// - Returns: `nil` when the time was up first.
    func wait(milliseconds: Int) -> (code: rd_kafka_resp_err_t, low: Int64, high: Int64)? {
        _ = isThere.wait(timeout: .now() + .milliseconds(milliseconds))
        return answer.withLock { $0 }
    }
}

func error(_ code: rd_kafka_resp_err_t, _ operation: String) -> EventLogError {
    let retriable: Set<Int32> = [
        RD_KAFKA_RESP_ERR__TRANSPORT.rawValue, RD_KAFKA_RESP_ERR__TIMED_OUT.rawValue,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT.rawValue,
        RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC.rawValue,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE.rawValue,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION.rawValue,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT.rawValue,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS.rawValue,
    ]
    return EventLogError(
        code: String(cString: rd_kafka_err2name(code)),
        message: String(cString: rd_kafka_err2str(code)), operation: operation,
        isRetriable: retriable.contains(code.rawValue))
}

func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
