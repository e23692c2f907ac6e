import BlockingThread
import CircleStore
import Database
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@Suite("How soon an accepted command is in the reports", .serialized, .timeLimit(.minutes(5)))
struct ReportFreshnessTests {
    /// What a command must show, and where; the time from its acceptance is printed, because a
    /// busy machine must not fail it. The aim is 5 s.
    private struct Watch: Sendable {
        let pipeline: Pipeline

        func see(_ report: String, _ condition: SQL, after command: String) async throws {
            let began = ContinuousClock.now
            try await pipeline.waitUntil("\(report) shows \(command)") {
                try await pipeline.test.number(
                    "select count(*) from reports.\(trusted: report) where \(condition)") > 0
            }
            let milliseconds = began.duration(to: .now) / .milliseconds(1)
            print("freshness: \(report) shows \(command) after \(Int(milliseconds)) ms")
        }
    }

    @Test("every report shows what was accepted")
    func fresh() async throws {
        let pipeline = try Pipeline()
        defer { pipeline.test.close() }
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        try await pipeline.run {
            // Until Ingest has its partitions.
            _ = try await pipeline.live("first", members: 1)
            try await pipeline.settle()
            let test = pipeline.test
            let watch = Watch(pipeline: pipeline)
            let host = Caller(uid: "fay")
            let circleID = try await test.makeCircle(host: "fay")
            let circle: SQL = "circle_id = \(circleID)"
            try await watch.see("live_now", circle, after: "a circle's start")
            try await watch.see("sessions", circle, after: "a circle's start")
            try await watch.see("hosts", "host_uid = 'fay'", after: "a circle's start")
            try await watch.see(
                "retention", "kind = 'host' and people >= 2", after: "a circle's start")
            try await watch.see(
                "directory_trends", "category = 'music' and circles >= 2",
                after: "a circle's start")

            let later = try await test.store.create(
                test.draft(
                    host: "fay", startsNow: false, startAt: test.clock.now().adding(seconds: 3600)),
                by: host
            ).circle.circleID
            _ = try await test.store.makeRSVP(later, by: Caller(uid: "gus"))
            try await watch.see(
                "rsvp_conversion", "circle_id = \(later) and expected = 1", after: "an RSVP")

            let admission = try await test.store.join(circleID, by: Caller(uid: "gus"))
            try await watch.see("live_now", "\(circle) and listeners = 1", after: "a join")
            try await watch.see("minutes_by_day", "members >= 3", after: "a join")
            try await watch.see("concurrency", "listeners > 0", after: "a join")
            try await watch.see(
                "join_funnel", "cause = 'inside' and stays >= 3", after: "a join")
            try await watch.see("listener_drop_off", circle, after: "a join")
            try await watch.see(
                "retention", "kind = 'member' and people >= 3", after: "a join")

            _ = try await test.store.raiseHand(circleID, by: Caller(uid: "gus"))
            try await watch.see("hand_raise_funnel", "open > 0", after: "a raised hand")
            _ = try await test.store.promote("gus", in: circleID, by: host)
            try await watch.see("hand_raise_funnel", "accepted > 0", after: "a promotion")
            _ = try await test.store.mute("gus", in: circleID, by: host)
            try await watch.see(
                "moderation_log", "action = 'memberMuted' and \(circle)", after: "a mute")

            let seat = try #require(admission.seat)
            try await Self.tell(of: seat, in: circleID, settings, at: test.clock.now())
            try await watch.see("quality", "\(circle) and uid = 'gus'", after: "a sample")
            _ = try await test.store.end(circleID, by: host)
            try await watch.see(
                "sessions", "\(circle) and end_reason = 'host'", after: "a circle's end")
            try await watch.see(
                "talk_time", "\(circle) and uid = 'gus' and stage_seconds > 0",
                after: "a circle's end")
        }
    }

    /// A node's word of one member: media, and a sample of it.
    private static func tell(
        of seat: Seat, in circleID: CircleID, _ settings: KafkaSettings, at now: Timestamp
    ) async throws {
        var downlink = MemberQuality.Downlink()
        downlink.packetsSent = 250
        downlink.packetsExpected = 250
        let batch = QualityBatch(
            batchID: BatchID(now: now), circleID: circleID,
            position: SourcePosition(source: "sfu-1", epoch: 1, sequence: 1), sampledAt: now,
            intervalMilliseconds: 5000,
            members: [
                MemberQuality(
                    member: Event.Member(uid: seat.uid, sessionID: seat.sessionID),
                    downlink: downlink)
            ])
        try await BlockingThread.run(name: "produce") {
            let producer = try Producer(settings: settings, topics: Topic.all)
            let key = Array(circleID.description.utf8)
            _ = try producer.publish(
                [
                    OutgoingRecord(
                        topic: Topic.quality,
                        partition: producer.partition(of: key, topic: Topic.quality), key: key,
                        value: QualityCodec.encode(batch), headers: [])
                ], isAbandoned: { false })
        }
    }
}
