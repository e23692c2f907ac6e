import BlockingThread
import Domain
import EventLog
import EventSchema
import Logging
import Synchronization

/// Follows the events of the API for the circles that live on this node.
final class ControlReader: Sendable {
    enum Message: Sendable {
        case events([Event])
        /// Something may have been missed: the state is to be read from the database.
        case reload
    }

    let messages: AsyncStream<Message>
    private let continuation: AsyncStream<Message>.Continuation
    private let locator: any KafkaLocator
    private let logger: Logger
    private let stop = StopFlag()
    /// Keys of the circles that live here: only their records are decoded.
    private let keys = Mutex<Set<[UInt8]>>([])

    init(locator: any KafkaLocator, logger: Logger) {
        self.locator = locator
        self.logger = logger
        (messages, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000))
    }

    func follow(_ circleID: CircleID) {
        keys.withLock { _ = $0.insert(Array(circleID.description.utf8)) }
    }

    func unfollow(_ circleID: CircleID) {
        keys.withLock { _ = $0.remove(Array(circleID.description.utf8)) }
    }

    func shutDown() {
        stop.raise()
    }

    /// Runs until `shutDown`.
    @available(*, noasync)
    func run() {
        defer { continuation.finish() }
        var failureCount = 0
        while !stop.isRaised {
            do {
                guard let endpoint = try locator.locate() else {
                    stop.wait(milliseconds: 200)
                    continue
                }
                let reader = try TailReader(settings: endpoint.settings, topic: Topic.events)
                failureCount = 0
                // What was published before the reader stood is in the database.
                yield(.reload)
                try follow(reader, endpoint)
            } catch {
                failureCount += 1
                logger.warning("control starts over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(100 << min(failureCount, 5), 2000))
            }
        }
    }

    @available(*, noasync)
    private func follow(_ reader: TailReader, _ endpoint: KafkaEndpoint) throws {
        var nextLook = MonotonicMilliseconds.now() + 500
        while !stop.isRaised {
            let batch = reader.poll(milliseconds: 50)
            let events = batch.records.compactMap(event)
            if !events.isEmpty { yield(.events(events)) }
            for issue in batch.issues {
                switch issue {
                case .offsetOutOfRange:
                    throw EventLogError(
                        code: "OFFSET_OUT_OF_RANGE", message: "the log began anew",
                        operation: "follow control", isRetriable: true)
                case .failed(let error):
                    // librdkafka connects again by itself; a gap shows in the numbering.
                    logger.debug("control", metadata: ["error": "\(error)"])
                }
            }
            let now = MonotonicMilliseconds.now()
            if now >= nextLook {
                nextLook = now + 500
                if let found = try locator.locate(), found != endpoint { return }
            }
        }
    }

    /// An event of the API on a circle of ours. What cannot be read leaves a hole in the
    /// numbering, and the database is asked.
    private func event(_ record: LogRecord) -> Event? {
        guard let key = record.key, keys.withLock({ $0.contains(key) }), let value = record.value,
            let event = try? EventCodec.decode(value),
            event.position.source == SourcePosition.apiSource
        else { return nil }
        return event
    }

    private func yield(_ message: Message) {
        if case .dropped = continuation.yield(message) {
            // The reader of the stream is far behind; the numbering tells it.
            logger.warning("control messages dropped")
        }
    }
}
