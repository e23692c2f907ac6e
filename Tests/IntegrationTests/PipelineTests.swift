import BlockingThread
import CircleStore
import Database
import Domain
import EventLog
import Ingest
import TestKit
import Testing

@Suite("Outbox → Kafka → Ingest, over the real protocol", .serialized)
struct PipelineTests {
    @Test("a circle's events all arrive, once, and every table equals its replay")
    func arrives() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            let circleID = try await pipeline.live("one", members: 30)
            _ = try await pipeline.test.store.end(circleID, by: Caller(uid: "host-one"))
            try await pipeline.settle()
        }
        #expect(try await pipeline.mismatches() == "")
        #expect(try await pipeline.findings() == [])
        // From the log, too; it holds everything here.
        let (url, clock) = (pipeline.test.databaseURL, pipeline.test.clock)
        let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        let findings = try await BlockingThread.run(name: "replay") {
            _ = try Replay(databaseURL: url, clock: clock).run(from: .log(settings))
            let connection = try Connection(url: url, applicationName: "tests")
            return try Verification.run(comparesReplay: true, on: connection).filter { !$0.isClean }
        }
        #expect(findings.map(\.check) == [])
        withExtendedLifetime(broker) {}
    }

    @Test("commands go on while there is no broker, and nothing is lost when one comes back empty")
    func brokerIsReplacedUnderLoad() async throws {
        let pipeline = try Pipeline()
        try await pipeline.run {
            var broker: EmbeddedBroker? = try await Pipeline.makeBroker()
            pipeline.locator.point(to: broker)
            let load = Task {
                for round in 1...6 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 1...4 {
                            group.addTask {
                                _ = try await pipeline.live("\(round)-\(number)", members: 25)
                            }
                        }
                        try await group.waitForAll()
                    }
                    // Spreads the load over the broker's deaths.
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            // It dies with what it holds once some of it has been read, twice; the second time
            // after a while without any.
            try await pipeline.waitUntil("some events are stored") {
                try await pipeline.test.number("select count(*) from events") > 0
            }
            broker = nil
            broker = try await Pipeline.makeBroker()
            pipeline.locator.point(to: broker)
            try await load.value
            pipeline.locator.point(to: nil)
            broker = nil
            _ = try await pipeline.live("dark", members: 30)
            broker = try await Pipeline.makeBroker()
            pipeline.locator.point(to: broker)
            try await pipeline.settle()
            withExtendedLifetime(broker) {}
        }
        #expect(try await pipeline.mismatches() == "")
        #expect(try await pipeline.findings() == [])
    }

    @Test("a log that restarts at the same place and grows past the old offset is noticed")
    func restartIsNoticed() async throws {
        let pipeline = try Pipeline()
        // Same incarnation throughout: only the log itself can tell.
        var broker: EmbeddedBroker? = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            _ = try await pipeline.live("before", members: 10)
            try await pipeline.settle()
        }
        broker = nil
        let second = try await Pipeline.makeBroker()
        pipeline.locator.point(to: second)
        // More records than before, of other circles, before Ingest looks again.
        let key = try await pipeline.test.text("select circle_id from circles")
        let settings = KafkaSettings(bootstrapServers: second.bootstrapServers)
        try await BlockingThread.run(name: "fill") {
            let producer = try Producer(settings: settings, topic: Topic.events)
            let partition = producer.partition(of: Array(key.utf8))
            let filler = OutgoingRecord(
                partition: partition, key: Array(key.utf8), value: [0xFF], headers: [])
            _ = try producer.publish(Array(repeating: filler, count: 200), isAbandoned: { false })
        }
        try await pipeline.run {
            let circleID = try #require(CircleID(key))
            _ = try await pipeline.test.store.end(circleID, by: Caller(uid: "host-before"))
            try await pipeline.settle()
        }
        #expect(
            try await pipeline.test.number("select max(log_generation) from ingest_offsets") == 1)
        #expect(try await pipeline.test.number("select count(*) from dead_letters") == 200)
        #expect(try await pipeline.mismatches() == "")
    }

    @Test("swapping a replay in mends tables that were spoilt, and Ingest goes on")
    func swapMends() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            let circleID = try await pipeline.live("one", members: 12)
            try await pipeline.settle()
            try await pipeline.test.pool.withConnection { connection in
                try connection.script(
                    "update circle_sessions set peak_listeners = 999; delete from members")
            }
            #expect(try await pipeline.findings() != [])
            let (url, clock) = (pipeline.test.databaseURL, pipeline.test.clock)
            try await BlockingThread.run(name: "swap") {
                let replay = Replay(databaseURL: url, clock: clock)
                _ = try replay.run(from: .history)
                try replay.swap()
            }
            #expect(try await pipeline.findings() == [])
            _ = try await pipeline.test.store.end(circleID, by: Caller(uid: "host-one"))
            try await pipeline.settle()
        }
        #expect(try await pipeline.findings() == [])
        #expect(try await pipeline.mismatches() == "")
        withExtendedLifetime(broker) {}
    }
}
