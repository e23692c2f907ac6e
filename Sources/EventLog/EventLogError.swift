/// An operation on Kafka that failed.
public struct EventLogError: Error, Sendable, CustomStringConvertible {
    /// librdkafka's name of the error, such as `_TRANSPORT` or `TOPIC_ALREADY_EXISTS`.
    public let code: String
    public let message: String
    public let operation: String
    /// Whether the same operation may succeed a little later on the same client.
    public let isRetriable: Bool

    public init(code: String, message: String, operation: String, isRetriable: Bool) {
        self.code = code
        self.message = message
        self.operation = operation
        self.isRetriable = isRetriable
    }

    public var description: String { "\(operation): \(message) [\(code)]" }
}
