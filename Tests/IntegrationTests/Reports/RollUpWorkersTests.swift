import Database
import Domain
import TestKit
import Testing

@testable import Ingest

@Suite("Rollups of several workers at a time, against PostgreSQL", .timeLimit(.minutes(5)))
struct RollUpWorkersTests {
    @Test("workers that store circles of the same people neither stop each other nor miscount")
    func workersShareMembers() async throws {
        let test = try TestStore(poolSize: 4)
        defer { test.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in UInt64(0)..<4 {
                group.addTask {
                    try await test.pool.withConnection { connection in
                        try Self.work(worker, connection)
                    }
                }
            }
            try await group.waitForAll()
        }
        let (wrong, memberDays) = try await test.pool.withConnection { connection in
            try connection.transaction {
                let findings = try Verification.checkRollUps(connection)
                let count: Int = try connection.query("select count(*) from daily_members")[0].get(
                    0)
                return (findings.filter { !$0.isClean }.map { "\($0.check): \($0.detail)" }, count)
            }
        }
        #expect(wrong == [])
        #expect(memberDays > 20)
    }

    /// Circles of six people over a few days, each event of which may come late.
    private static func work(_ worker: UInt64, _ connection: Connection) throws {
        let ingestor = Ingestor(target: .live)
        for number in UInt64(0)..<8 {
            let seed = 20_000 + worker * 100 + number
            var random = SeededGenerator(seed: seed)
            var generator = EventGenerator(
                seed: seed,
                begin: IngestorTests.begin.adding(
                    seconds: Int64.random(in: 0...400_000, using: &random)),
                stepMicrosecondsMax: 900_000_000)
            let events = generator.generate(eventCount: 60)
            try IngestorTests.ingest(
                generator.shuffled(events), ingestor, connection, batchCountMax: 6, random: &random)
        }
    }
}
