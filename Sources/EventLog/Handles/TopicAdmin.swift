internal import CKafka

/// Creates topics on a real cluster.
public enum TopicAdmin {
    /// Creates the topics that are not there yet.
    ///
    /// - Throws: `EventLogError` when the cluster refuses one for any other reason than that it
    ///   exists.
    @available(*, noasync)
    public static func ensure(
        topics: [String], partitionCount: Int, replicationFactor: Int, settings: KafkaSettings
    ) throws(EventLogError) {
        let client = try Client(
            RD_KAFKA_PRODUCER, properties: [], settings: settings, operation: "create admin client")
        let queue = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(queue) }
        let options = rd_kafka_AdminOptions_new(client.handle, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 512)
        rd_kafka_AdminOptions_set_request_timeout(options, 15_000, &text, text.count)

        var requests: [OpaquePointer?] = []
        defer { requests.forEach { rd_kafka_NewTopic_destroy($0) } }
        for topic in topics {
            guard
                let request = rd_kafka_NewTopic_new(
                    topic, Int32(partitionCount), Int32(replicationFactor), &text, text.count)
            else {
                throw EventLogError(
                    code: "_INVALID_ARG", message: string(text), operation: "create \(topic)",
                    isRetriable: false)
            }
            requests.append(request)
        }
        rd_kafka_CreateTopics(client.handle, &requests, requests.count, options, queue)
        guard let event = rd_kafka_queue_poll(queue, 20_000) else {
            throw error(RD_KAFKA_RESP_ERR__TIMED_OUT, "create topics")
        }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "create topics") }
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(event), &count)
        for index in 0..<count {
            let result = results?[index]
            let code = rd_kafka_topic_result_error(result)
            guard
                code == RD_KAFKA_RESP_ERR_NO_ERROR
                    || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
            else {
                throw error(
                    code, "create \(String(cString: rd_kafka_topic_result_name(result)))")
            }
        }
    }
}
