import BlockingThread
import Database
import Domain
import Ingest
import SyntheticHistory
import TestKit
import Testing

@Suite("A made-up history in PostgreSQL", .timeLimit(.minutes(10)))
struct SeedHistoryTests {
    private static let plan = HistoryPlan(
        seed: 20_261_127, eventCount: 12_000, dayCount: 6,
        endDay: IngestorTests.begin.microseconds / 86_400_000_000)

    private static func seed(_ databaseURL: String, now: Timestamp) async throws -> Int {
        try await BlockingThread.run(name: "seed") {
            let writer = try HistoryWriter(databaseURL: databaseURL)
            for place in 0..<plan.dayCount {
                for circle in plan.circles(ofDay: place) {
                    try writer.append(circle.events, circle.quality, now: now)
                }
            }
            try writer.settle(now: now)
            return writer.storedCount.events
        }
    }

    @Test("comes through the folds: verify is clean, the same again changes nothing")
    func comesThroughFolds() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let events = (0..<Self.plan.dayCount).flatMap { Self.plan.circles(ofDay: $0) }
            .flatMap(\.events)
        let stored = try await Self.seed(test.databaseURL, now: test.clock.now())
        #expect(stored == events.count)
        let findings = try await test.findings()
        #expect(findings == [])
        let again = try await Self.seed(test.databaseURL, now: test.clock.now())
        #expect(again == 0)
        let counts = try await test.text(
            """
            select
                (select count(*) from events), (select count(*) from members),
                (select count(*) from ingest_gaps),
                (select count(*) from quality_days_unsettled),
                (select count(*) from join_days_unsettled),
                (
                    select count(*) from day_sums_unsettled
                    where day < (now() at time zone 'UTC')::date - 1
                ),
                (select count(*) from host_sums_unsettled)
            """)
        #expect(counts == "\(events.count)|0|0|0|0|0|0")
    }

    @Test("fills every report that reads ingested tables of the past")
    func fillsReports() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        _ = try await Self.seed(test.databaseURL, now: test.clock.now())
        for report in [
            "sessions", "minutes_by_day", "concurrency", "retention", "listener_drop_off",
            "hand_raise_funnel", "talk_time", "rsvp_conversion", "join_funnel", "quality", "hosts",
            "directory_trends",
        ] {
            let count = try await test.text("select count(*) from reports.\(trusted: report)")
            #expect(count != "0", "\(report)")
        }
    }
}
