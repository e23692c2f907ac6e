import BlockingThread
import CircleStore
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@Suite("A node's records → Kafka → Ingest, over the real protocol", .serialized)
struct QualityPipelineTests {
    @Test("quality batches and node events reach their tables beside the API's events")
    func qualityArrives() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        try await pipeline.run {
            let circleID = try await pipeline.live("one", members: 12)
            var generator = QualityGenerator(seed: 4, begin: pipeline.test.clock.now())
            let batches = generator.generate(batchCount: 30)
            let seated = try await pipeline.test.store.mediaState(circleID)?.seats ?? []
            let listed = seated.map {
                Event.SnapshotMember(
                    member: Event.Member(uid: $0.uid, sessionID: $0.sessionID),
                    isSpeaking: false)
            }
            let now = pipeline.test.clock.now()
            let snapshot = Event(
                eventID: EventID(now: now), circleID: circleID,
                position: SourcePosition(source: "sfu-1", epoch: 1, sequence: 1),
                occurredAt: now, payload: .nodeSnapshot(listed))
            try await BlockingThread.run(name: "produce") {
                let producer = try Producer(settings: settings, topics: Topic.all)
                func key(_ circleID: CircleID) -> [UInt8] { Array(circleID.description.utf8) }
                let eventKey = key(circleID)
                var records = [
                    OutgoingRecord(
                        partition: producer.partition(of: eventKey), key: eventKey,
                        value: EventCodec.encode(snapshot), headers: [])
                ]
                records += (batches + batches.prefix(10)).map { batch in
                    OutgoingRecord(
                        topic: Topic.quality,
                        partition: producer.partition(
                            of: key(batch.circleID), topic: Topic.quality),
                        key: key(batch.circleID), value: QualityCodec.encode(batch), headers: [])
                }
                _ = try producer.publish(records, isAbandoned: { false })
            }
            try await pipeline.settle()
            let sampleCount = batches.flatMap(\.members).reduce(0) {
                $0 + ($1.uplink == nil ? 0 : 1) + ($1.downlink == nil ? 0 : 1)
            }
            try await pipeline.waitUntil("all samples are stored") {
                try await pipeline.test.number("select count(*) from quality_samples")
                    == sampleCount
            }
            try await pipeline.waitUntil("all members are connected") {
                try await pipeline.test.number(
                    "select count(*) from members where is_connected") == listed.count
            }
        }
        #expect(try await pipeline.findings() == [])
        #expect(
            try await pipeline.test.text(
                """
                select topic, sum(next_offset)
                from ingest_offsets
                where topic = 'circles.quality.v1'
                group by topic
                """) == "circles.quality.v1|40")
        withExtendedLifetime(broker) {}
    }
}
