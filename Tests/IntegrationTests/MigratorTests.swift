import BlockingThread
import Database
import Dispatch
import Domain
import Foundation
import TestKit
import Testing

@Suite("Migrator (sql/migrations, sql/reports), against PostgreSQL", .timeLimit(.minutes(5)))
struct MigratorTests {
    private static let noon = "2026-11-23T12:00:00Z"

    /// Where threads wait for each other before they begin.
    private struct Start: Sendable {
        private let group = DispatchGroup()

        init(threadCount: Int) {
            for _ in 0..<threadCount { group.enter() }
        }

        @available(*, noasync)
        func arrive() {
            group.leave()
            // A thread that could not connect never comes; the other then runs alone.
            _ = group.wait(timeout: .now() + 30)
        }
    }

    /// Runs `body` on a session and a thread of its own; no lock is waited for without end.
    private func onConnection<Result: Sendable>(
        _ url: String, _ body: @escaping @Sendable (Connection) throws -> Result
    ) async throws -> Result {
        try await BlockingThread.run(name: "migrator-test") {
            try body(
                Connection(
                    url: url, applicationName: "tests", settings: [("lock_timeout", "60000")]))
        }
    }

    private func migrate(
        _ url: String, sql: String = TestCluster.sqlDirectory, at time: String = noon,
        start: Start? = nil
    ) async throws -> [String] {
        let today = try #require(Timestamp(rfc3339: time))
        return try await onConnection(url) { connection in
            start?.arrive()
            return try Migrator(sqlDirectory: sql).run(on: connection, today: today)
        }
    }

    /// The first column of a query's rows.
    private func column(_ url: String, _ sql: SQL) async throws -> [String] {
        try await onConnection(url) { connection in
            let rows = try connection.queryText(sql)
            return (0..<rows.count).map { rows[$0, 0] ?? "∅" }
        }
    }

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: TestCluster.sqlDirectory + "/" + folder
        ).filter { $0.hasSuffix(".sql") }.sorted()
    }

    /// A copy of the `sql` folder that a test may spoil.
    private func copySQL() throws -> String {
        let path = NSTemporaryDirectory() + "/circles-sql-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: TestCluster.sqlDirectory, toPath: path)
        return path
    }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    // MARK: Files

    @Test("an empty database gets every file once; a second run has nothing to do")
    func migratesOnce() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        let (migrations, reports) = (try files("migrations"), try files("reports"))
        #expect(try await migrate(url) == migrations + reports)
        #expect(try await migrate(url) == [])
        let names = try await column(url, "select name from schema_migrations order by version")
        #expect(names == migrations)
        #expect(
            try await column(url, "select name from report_definitions order by name") == reports)
        #expect(try await column(url, "select count(*) from reports.sessions") == ["0"])
    }

    @Test("two migrators at once apply each file once, and both succeed")
    func migratesAtOnce() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        let start = Start(threadCount: 2)
        async let first = migrate(url, start: start)
        async let second = migrate(url, start: start)
        let applied = try await [first, second]
        let all = try files("migrations") + files("reports")
        #expect(applied.contains([]))
        #expect(applied.flatMap { $0 } == all)
    }

    @Test("a migration that was changed after it was applied is refused")
    func refusesChanges() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url)
        let sql = try copySQL()
        defer { try? FileManager.default.removeItem(atPath: sql) }  // what stays is in /tmp
        let name = try #require(try files("migrations").dropFirst().first)
        let path = sql + "/migrations/" + name
        try write(String(contentsOfFile: path, encoding: .utf8) + "\n-- a remark\n", path)
        let failure = await #expect(throws: Migrator.Failure.self) {
            try await self.migrate(url, sql: sql)
        }
        guard case .changed(let file)? = failure else {
            Issue.record("not .changed: \(String(describing: failure))")
            return
        }
        #expect(file == name)
        #expect(try await migrate(url) == [])
    }

    @Test("a database that is ahead of the files is refused, and nothing is applied to it")
    func refusesMissing() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url)
        let sql = try copySQL()
        defer { try? FileManager.default.removeItem(atPath: sql) }  // what stays is in /tmp
        let gone = try #require(try files("migrations").first)
        try FileManager.default.removeItem(atPath: sql + "/migrations/" + gone)
        let intruder = sql + "/migrations/9999_create_intruder.sql"
        try write("create table intruder (id bigint);\n", intruder)
        let failure = await #expect(throws: Migrator.Failure.self) {
            try await self.migrate(url, sql: sql)
        }
        guard case .missing(let version, let name)? = failure else {
            Issue.record("not .missing: \(String(describing: failure))")
            return
        }
        #expect(version == 1)
        #expect(name == gone)
        #expect(try await column(url, "select to_regclass('intruder')") == ["∅"])
    }

    @Test("a migration that fails leaves nothing, holds no lock, and succeeds once mended")
    func rollsBack() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        let sql = try copySQL()
        defer { try? FileManager.default.removeItem(atPath: sql) }  // what stays is in /tmp
        let path = sql + "/migrations/9999_create_halves.sql"
        try write("create table halves (id bigint);\nselect 1 / 0;\n", path)
        // The session of the failure stays open: a lock that it kept would stop the second run.
        let (code, reapplied) = try await onConnection(url) { connection -> (String?, [String]) in
            let today = Timestamp(seconds: 1_795_435_200)
            var code: String?
            do {
                _ = try Migrator(sqlDirectory: sql).run(on: connection, today: today)
            } catch let error as DatabaseError {
                code = error.code
            }
            try Data("create table halves (id bigint);\n".utf8).write(
                to: URL(fileURLWithPath: path))
            let other = try Connection(
                url: url, applicationName: "tests", settings: [("lock_timeout", "5000")])
            let halves = try other.queryText("select to_regclass('halves')::text")[0, 0]
            let applied = try Migrator(sqlDirectory: sql).run(on: other, today: today)
            return (code, (halves.map { [$0] } ?? []) + applied)
        }
        let mended = try ["9999_create_halves.sql"] + files("reports")
        #expect(code == "22012")
        #expect(reapplied == mended)
        #expect(try await column(url, "select count(*) from halves") == ["0"])
    }

    @Test("a report whose file changed is replaced, and only that")
    func replacesReports() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url)
        let sql = try copySQL()
        defer { try? FileManager.default.removeItem(atPath: sql) }  // what stays is in /tmp
        let path = sql + "/reports/sessions.sql"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try write(text + "\ncomment on view reports.sessions is 'Changed.';\n", path)
        #expect(try await migrate(url, sql: sql) == ["sessions.sql"])
        let comment = "select obj_description('reports.sessions'::regclass, 'pg_class')"
        #expect(try await column(url, SQL(trusted: comment)) == ["Changed."])
    }

    @Test(
        "files that are not named NNNN_verb_object.sql are refused",
        arguments: ["1_create_x.sql", "create_x.sql", "00005_create_x.sql", "0001_create_x.sql"])
    func refusesNames(name: String) throws {
        let sql = try copySQL()
        defer { try? FileManager.default.removeItem(atPath: sql) }  // what stays is in /tmp
        try write("select 1;", sql + "/migrations/" + name)
        let failure = #expect(throws: Migrator.Failure.self) {
            _ = try Migrator(sqlDirectory: sql)
        }
        guard case .badName? = failure else {
            Issue.record("not .badName: \(String(describing: failure))")
            return
        }
    }

    // MARK: Partitions of history

    private static let partitions: SQL =
        """
        select inhrelid::regclass::text
        from pg_inherits
        where inhparent = 'events'::regclass
        order by 1
        """

    private static func ensureDay(_ offset: Int32) -> SQL {
        "select ensure_history_partition('events', date '2030-01-01' + \(offset))"
    }

    @Test(
        "history has the partitions from yesterday to three weeks ahead, by UTC days",
        arguments: ["2026-11-23T00:00:00Z", noon, "2026-11-23T23:59:59.999999Z"])
    func makesPartitions(time: String) async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url, at: time)
        let november = (22...30).map { "events_202611\($0)" }
        let december = (1...14).map { "events_202612" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try await column(url, Self.partitions) == november + december)
        let bounds = try await column(
            url,
            """
            select pg_get_expr(relpartbound, oid)
            from pg_class
            where oid = 'events_20261214'::regclass
            """)
        #expect(
            bounds == ["FOR VALUES FROM ('2026-12-14 00:00:00+00') TO ('2026-12-15 00:00:00+00')"])
    }

    @Test("two sessions that make the same day's partition at once both find it made")
    func makesPartitionsAtOnce() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url)
        let before = try await column(url, Self.partitions).count
        for offset in 0..<20 {
            let start = Start(threadCount: 2)
            let make: @Sendable (Connection) throws -> Void = { connection in
                start.arrive()
                try connection.query(Self.ensureDay(Int32(offset)))
            }
            async let first: Void = onConnection(url, make)
            async let second: Void = onConnection(url, make)
            _ = try await (first, second)
        }
        #expect(try await column(url, Self.partitions).count == before + 20)
    }

    @Test("transactions that make the same days in opposite order do not stop each other")
    func makesPartitionsInAnyOrder() async throws {
        let url = try TestCluster.makeEmptyDatabase()
        _ = try await migrate(url)
        let start = Start(threadCount: 2)
        let make: @Sendable (Connection, [Int32]) throws -> Void = { connection, offsets in
            start.arrive()
            try connection.transaction {
                for offset in offsets {
                    try connection.query(Self.ensureDay(offset))
                }
            }
        }
        async let rising: Void = onConnection(url) { try make($0, Array(0..<20)) }
        async let falling: Void = onConnection(url) { try make($0, Array((0..<20).reversed())) }
        _ = try await (rising, falling)
        let count = try await column(url, Self.partitions).count { $0.hasPrefix("events_2030") }
        #expect(count == 20)
    }
}
