import Database
import Domain
import EventSchema
import TestKit
import Testing

@testable import Ingest

@Suite("Ingestor on events that come late, against PostgreSQL")
struct LateEventsTests {
    /// Events as two paths deliver them: each source in its own order, and no event more than
    /// `lagMax` places behind one that is later.
    private static func interleaved(
        _ events: [Event], lagMax: Int, random: inout SeededGenerator
    ) -> [Event] {
        var queues = Dictionary(grouping: Array(events.enumerated())) {
            "\($0.element.position.source)/\($0.element.position.epoch)"
        }
        var delivered: [Event] = []
        while let oldest = queues.values.compactMap({ $0.first?.offset }).min() {
            let near = queues.filter { ($0.value.first?.offset ?? .max) <= oldest + lagMax }
            guard let source = near.keys.sorted().randomElement(using: &random),
                let event = queues[source]?.removeFirst()
            else { break }
            if queues[source]?.isEmpty == true { queues[source] = nil }
            delivered.append(event.element)
        }
        return delivered
    }

    @Test("slightly late events cost no look at history, and the tables are the oracle's")
    func lateEventsNeedNoHistory() async throws {
        let test = try TestStore(poolSize: 1)
        let (problems, total) = try await test.pool.withConnection { connection in
            var problems: [String] = []
            var total = IngestOutcome()
            for seed in UInt64(5000)..<5020 {
                var generator = EventGenerator(seed: seed, begin: IngestorTests.begin)
                var random = SeededGenerator(seed: seed &+ 1_000_000)
                let events = generator.generate(eventCount: 120)
                let outcome = try IngestorTests.ingest(
                    Self.interleaved(events, lagMax: 20, random: &random),
                    Ingestor(target: .live), connection, batchCountMax: 4, random: &random)
                total.refoldedCount += outcome.refoldedCount
                total.rebuiltCount += outcome.rebuiltCount
                if let problem = try IngestorTests.compare(events, connection) {
                    problems.append("seed \(seed): \(problem)")
                }
            }
            return (problems, total)
        }
        #expect(problems == [])
        // Of 1,000 batches nine in ten hold an event that belongs before one in the tables.
        #expect(total.refoldedCount > 600 && total.rebuiltCount == 0, "\(total)")
    }

    @Test("with no memory of recent events every late one is looked up, to the same tables")
    func historyServesAsWell() async throws {
        let test = try TestStore(poolSize: 1)
        let (problems, total) = try await test.pool.withConnection { connection in
            var problems: [String] = []
            var total = IngestOutcome()
            for seed in UInt64(6000)..<6020 {
                var generator = EventGenerator(seed: seed, begin: IngestorTests.begin)
                var random = SeededGenerator(seed: seed &+ 1_000_000)
                let events = generator.generate(eventCount: 60)
                let outcome = try IngestorTests.ingest(
                    Self.interleaved(events, lagMax: 20, random: &random),
                    Ingestor(target: .live, recentWeightMax: 0), connection, batchCountMax: 4,
                    random: &random)
                total.rebuiltCount += outcome.rebuiltCount
                total.refoldedCount += outcome.refoldedCount
                if let problem = try IngestorTests.compare(events, connection) {
                    problems.append("seed \(seed): \(problem)")
                }
            }
            return (problems, total)
        }
        #expect(problems == [])
        #expect(total.rebuiltCount > 100 && total.refoldedCount == 0, "\(total)")
    }

    @Test("tables that late events made equal their replay")
    func equalsReplay() async throws {
        let test = try TestStore(poolSize: 1)
        try await test.pool.withConnection { connection in
            for seed in UInt64(7000)..<7020 {
                var generator = EventGenerator(seed: seed, begin: IngestorTests.begin)
                var random = SeededGenerator(seed: seed)
                let events = generator.generate(eventCount: 80)
                try IngestorTests.ingest(
                    Self.interleaved(events, lagMax: 30, random: &random),
                    Ingestor(target: .live), connection, batchCountMax: 6, random: &random)
            }
        }
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }
}
