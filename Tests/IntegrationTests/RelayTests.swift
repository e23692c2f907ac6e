import BlockingThread
import Database
import Domain
import EventLog
import TestKit
import Testing

@Suite("Outbox → Kafka without Ingest", .serialized)
struct RelayTests {
    /// Places in the log before the last row of each partition that no row of the outbox has.
    private static let doubled: SQL = """
        select sum(length - row_count)::bigint from (
            select max(kafka_offset) + 1 as length, count(*) as row_count
            from outbox group by kafka_partition
        ) as logs
        """

    @Test("each relay publishes only what none before it did, and Ingest finds all of it later")
    func isMarked() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run(ingests: false) {
            _ = try await pipeline.live("waits", members: 20)
            try await pipeline.areMarked()
        }
        let recordCount = try await pipeline.test.number("select count(*) from outbox")
        // Another one, stopped before a mark is due.
        for name in ["stops", "stops-again"] {
            let settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
            let (begin, begins) = AsyncStream<Void>.makeStream()
            try await pipeline.run(ingests: false) {
                async let read: Void = BlockingThread.run(name: "tail") {
                    let reader = try TailReader(settings: settings, topic: Topic.events)
                    begins.yield()
                    var count = 0
                    for _ in 0..<600 where count < recordCount {
                        count += reader.poll(milliseconds: 100).records.count
                    }
                }
                for await _ in begin { break }
                _ = try await pipeline.live(name, members: 20)
                try await read
            }
        }
        try await pipeline.run(ingests: false) { try await pipeline.areMarked() }
        #expect(try await pipeline.test.number(Self.doubled) == 0)
        #expect(
            try await pipeline.test.number("select count(*) from outbox") == 3 * recordCount)
        try await pipeline.run { try await pipeline.settle() }
        #expect(try await pipeline.mismatches() == "")
        #expect(try await pipeline.findings() == [])
        withExtendedLifetime(broker) {}
    }

    @Test("rows that Ingest stores at once are deleted without a mark")
    func isNotMarked() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        // Whoever sets the mark is told.
        try await pipeline.test.pool.withConnection { connection in
            try connection.script(
                """
                create table marks (outbox_id bigint);
                create function keep_mark() returns trigger language plpgsql security definer as
                $$ begin insert into marks values (new.outbox_id); return new; end $$;
                create trigger keep_mark after update on outbox
                for each row execute function keep_mark();
                """)
        }
        try await pipeline.run {
            // A pipeline that is just starting may take longer than a second.
            _ = try await pipeline.live("first", members: 1)
            try await pipeline.settle()
            try await pipeline.test.pool.withConnection { try $0.script("truncate marks") }
            for name in ["a", "b", "c"] {
                _ = try await pipeline.live(name, members: 10)
                try await pipeline.settle()
            }
        }
        let (marked, stored) = (
            try await pipeline.test.number("select count(*) from marks"),
            try await pipeline.test.number("select count(*) from events")
        )
        // Some may be, on a machine that stands still for a second.
        #expect(marked < stored / 2)
        withExtendedLifetime(broker) {}
    }
}

extension Pipeline {
    /// Waits until no row of the outbox is unpublished.
    fileprivate func areMarked() async throws {
        try await waitUntil("all rows are marked") { [test] in
            try await test.number("select count(*) from outbox where published_at is null") == 0
        }
    }
}
