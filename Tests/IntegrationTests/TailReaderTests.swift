import BlockingThread
import EventLog
import Testing

@Suite("TailReader and Producer, over the real protocol", .serialized)
struct TailReaderTests {
    /// Polls until so many records have come, for ten seconds at most.
    private static func records(_ count: Int, of reader: TailReader) -> [LogRecord] {
        var records: [LogRecord] = []
        for _ in 0..<100 where records.count < count {
            records += reader.poll(milliseconds: 100).records
        }
        return records
    }

    private static func record(_ number: Int, _ producer: Producer, _ topic: String? = nil)
        -> OutgoingRecord
    {
        let key = Array("key-\(number)".utf8)
        return OutgoingRecord(
            topic: topic, partition: producer.partition(of: key, topic: topic), key: key,
            value: Array("\(number)".utf8), headers: [])
    }

    @Test("a tail holds what is published after it began, on every partition, and no more")
    func readsFromNowOn() async throws {
        let broker = try await Pipeline.makeBroker()
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        let (values, partitions, issues) = try await BlockingThread.run(name: "tail") {
            let producer = try Producer(settings: settings, topic: Topic.events)
            _ = try producer.publish(
                (0..<100).map { Self.record($0, producer) }, isAbandoned: { false })
            let reader = try TailReader(settings: settings, topic: Topic.events)
            _ = try producer.publish(
                (100..<400).map { Self.record($0, producer) }, isAbandoned: { false })
            let records = Self.records(300, of: reader)
            let after = reader.poll(milliseconds: 50)
            return (
                Set(records.compactMap { Int(String(decoding: $0.value ?? [], as: UTF8.self)) }),
                Set(records.map(\.partition)).count, after.records.count + after.issues.count
            )
        }
        #expect(values == Set(100..<400))
        #expect(partitions == Topic.partitionCountDefault && issues == 0)
    }

    @Test("a record comes as soon as it is there, not when the wait is over")
    func isPrompt() async throws {
        let broker = try await Pipeline.makeBroker()
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        let waits = try await BlockingThread.run(name: "tail") {
            let producer = try Producer(settings: settings, topic: Topic.events)
            let reader = try TailReader(settings: settings, topic: Topic.events)
            return try (0..<20).map { number in
                let began = ContinuousClock.now
                _ = try producer.publish(
                    [Self.record(number, producer)], isAbandoned: { false })
                let count = reader.poll(milliseconds: 5000).records.count
                return count == 1 ? began.duration(to: .now) : .seconds(100)
            }.sorted()
        }
        #expect(waits[10] < .milliseconds(500), "\(waits)")
        withExtendedLifetime(broker) {}
    }

    @Test("a broker that goes away shows as an issue")
    func brokersGo() async throws {
        var broker: EmbeddedBroker? = try await Pipeline.makeBroker()
        let settings = KafkaSettings(bootstrapServers: broker?.bootstrapServers ?? "")
        let reader = try await BlockingThread.run(name: "tail") {
            Held(try TailReader(settings: settings, topic: Topic.events))
        }
        broker = nil
        let issueCount = try await BlockingThread.run(name: "tail") {
            for _ in 0..<200 {
                let batch = reader.value.poll(milliseconds: 100)
                if !batch.issues.isEmpty { return batch.issues.count }
            }
            return 0
        }
        #expect(issueCount > 0)
    }

    @Test("one producer serves several topics, each partition in order")
    func producesToSeveralTopics() async throws {
        let broker = try await Pipeline.makeBroker()
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        let (events, quality) = try await BlockingThread.run(name: "produce") {
            let readers = try Topic.all.map { try TailReader(settings: settings, topic: $0) }
            let producer = try Producer(settings: settings, topics: Topic.all)
            _ = try producer.publish(
                (0..<50).flatMap {
                    [
                        Self.record($0, producer), Self.record(1000 + $0, producer, Topic.quality),
                    ]
                }, isAbandoned: { false })
            return (Self.records(50, of: readers[0]), Self.records(50, of: readers[1]))
        }
        func numbers(_ records: [LogRecord]) -> [Int] {
            records.compactMap { Int(String(decoding: $0.value ?? [], as: UTF8.self)) }
        }
        #expect(Set(numbers(events)) == Set(0..<50))
        #expect(Set(numbers(quality)) == Set(1000..<1050))
        withExtendedLifetime(broker) {}
    }
}
