import BlockingThread
import Domain
import EventLog
import EventSchema
import Logging
import Metrics
import Synchronization

/// Carries what the node tells to Kafka: in order per circle, offered again until a broker has
/// taken it, in bounded memory.
///
/// A record that is in doubt is sent again; readers know it by its number. Events and quality
/// batches have a bound each, past which the oldest goes: a batch's counters are in the next one,
/// and an event's gap is seen by readers and healed by the next snapshot.
final class TelemetrySender: Sendable {
    struct Record: Sendable {
        let topic: String
        let key: [UInt8]
        let value: [UInt8]
        let headers: [(name: String, value: String)]
    }

    private struct Queue {
        var events: [Record] = []
        var batches: [Record] = []
    }

    private let queue = Mutex(Queue())
    private let wake = Signal()
    private let locator: any KafkaLocator
    private let logger: Logger
    private let stop = StopFlag()
    private let sent = Counter(label: "circles_sfu_telemetry_sent_total")
    private let retried = Counter(label: "circles_sfu_telemetry_retried_total")
    private let dropped = Counter(label: "circles_sfu_telemetry_dropped_total")

    private let eventCountMax: Int
    private let batchCountMax: Int
    private static let publishCountMax = 2000

    /// - Parameters: how many events and quality batches wait for a broker at most.
    init(
        locator: any KafkaLocator, logger: Logger, eventCountMax: Int = 100_000,
        batchCountMax: Int = 10_000
    ) {
        self.locator = locator
        self.logger = logger
        self.eventCountMax = eventCountMax
        self.batchCountMax = batchCountMax
    }

    /// What waits for a broker, oldest first; events before quality batches.
    var waiting: [Record] { queue.withLock { $0.events + $0.batches } }

    func send(_ event: Event) {
        let record = Record(
            topic: Topic.events, key: Array(event.circleID.description.utf8),
            value: EventCodec.encode(event),
            headers: [
                ("type", event.payload.typeName), ("schema_version", "\(EventCodec.schemaVersion)"),
            ])
        queue.withLock { queue in
            queue.events.append(record)
            if queue.events.count > eventCountMax {
                queue.events.removeFirst()
                dropped.increment()
            }
        }
        wake.send()
    }

    func send(_ batch: QualityBatch) {
        let record = Record(
            topic: Topic.quality, key: Array(batch.circleID.description.utf8),
            value: QualityCodec.encode(batch),
            headers: [
                ("type", "qualityBatch"), ("schema_version", "\(QualityCodec.schemaVersion)"),
            ])
        queue.withLock { queue in
            queue.batches.append(record)
            if queue.batches.count > batchCountMax {
                queue.batches.removeFirst()
                dropped.increment()
            }
        }
        wake.send()
    }

    /// Ends the loop once what is queued was offered.
    func shutDown() {
        stop.raise()
        wake.send()
    }

    /// Runs until `shutDown`.
    @available(*, noasync)
    func run() {
        var failureCount = 0
        while !stop.isRaised {
            do {
                guard let endpoint = try locator.locate() else {
                    stop.wait(milliseconds: 200)
                    continue
                }
                let producer = try Producer(
                    settings: endpoint.settings, topics: [Topic.events, Topic.quality])
                failureCount = 0
                try publish(with: producer, at: endpoint)
            } catch {
                failureCount += 1
                logger.warning("telemetry starts over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(100 << min(failureCount, 5), 2000))
            }
        }
    }

    /// Publishes until the broker is replaced or the loop is to end.
    @available(*, noasync)
    private func publish(with producer: Producer, at endpoint: KafkaEndpoint) throws {
        var nextLook = MonotonicMilliseconds.now() + 500
        while true {
            let records = take()
            if records.isEmpty {
                guard !stop.isRaised else { return }
                wake.wait(milliseconds: 100)
            } else {
                try offer(records, to: producer)
            }
            let now = MonotonicMilliseconds.now()
            if now >= nextLook {
                nextLook = now + 500
                if let found = try locator.locate(), found != endpoint { return }
            }
        }
    }

    @available(*, noasync)
    private func offer(_ records: [Record], to producer: Producer) throws {
        let outgoing = records.map { record in
            OutgoingRecord(
                topic: record.topic,
                partition: producer.partition(of: record.key, topic: record.topic),
                key: record.key, value: record.value, headers: record.headers)
        }
        // A broker that is gone is given up on here, and looked for anew.
        let deadline = MonotonicMilliseconds.now() + (stop.isRaised ? 2000 : 5000)
        let deliveries: [Producer.Delivery]
        do {
            deliveries = try producer.publish(outgoing) {
                MonotonicMilliseconds.now() > deadline
            }
        } catch {
            putBack(records)
            throw error
        }
        var open: [Record] = []
        var failure: EventLogError?
        for (record, delivery) in zip(records, deliveries) {
            switch delivery {
            case .stored: break
            case .failed(let error):
                failure = failure ?? error
                open.append(record)
            case .unknown: open.append(record)
            }
        }
        sent.increment(by: records.count - open.count)
        guard !open.isEmpty else { return }
        retried.increment(by: open.count)
        putBack(open)
        throw failure
            ?? EventLogError(
                code: "_TIMED_OUT", message: "no answer in time", operation: "publish telemetry",
                isRetriable: true)
    }

    private func take() -> [Record] {
        queue.withLock { queue in
            let count = min(queue.events.count, Self.publishCountMax)
            var records = Array(queue.events.prefix(count))
            queue.events.removeFirst(count)
            let rest = min(queue.batches.count, Self.publishCountMax - count)
            records += queue.batches.prefix(rest)
            queue.batches.removeFirst(rest)
            return records
        }
    }

    private func putBack(_ records: [Record]) {
        queue.withLock { queue in
            queue.events.insert(contentsOf: records.filter { $0.topic == Topic.events }, at: 0)
            queue.batches.insert(contentsOf: records.filter { $0.topic != Topic.events }, at: 0)
        }
    }
}
