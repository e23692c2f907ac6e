import BlockingThread
import Database
import Dispatch
import Domain
import TestKit
import Testing

@Suite("Connection and ConnectionPool, against PostgreSQL", .timeLimit(.minutes(5)))
final class DatabaseTests: Sendable {
    private struct Refusal: Error {}

    private let url: String
    /// Of one session, so that what a call leaves behind meets the next.
    private let pool: ConnectionPool

    init() throws {
        url = try TestCluster.makeEmptyDatabase()
        pool = ConnectionPool(url: url, applicationName: "tests", size: 1)
    }

    deinit {
        pool.close()
    }

    private func number(_ sql: SQL) async throws -> Int {
        try await pool.withConnection { try $0.query(sql)[0].get(0) }
    }

    /// The error of a call that must fail, by way of `pool`'s session.
    private func failure(
        _ body: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> DatabaseError {
        try await #require(throws: DatabaseError.self) { try await self.pool.withConnection(body) }
    }

    // MARK: Values

    /// Sends each value, and all of them as an array with nulls, full and empty, and compares what
    /// comes back by its bytes, which tell NaN, -0 and canonically equal texts apart.
    private func expectEcho<Value: PostgresEncodable & PostgresDecodable>(
        _ values: [Value]
    ) async throws {
        func encoded(_ value: Value?) -> [UInt8]? {
            guard let value else { return nil }
            var bytes: [UInt8] = []
            value.encode(into: &bytes)
            return bytes
        }
        let full: [Value?] = values
        for sent in full.map({ [$0] }) + [[nil], full, [nil] + full + [nil, nil], []] {
            let read = try await pool.withConnection { connection in
                let name = "t\(Value.oid)"  // another text for each type: see `preparesByType`
                let sql: SQL =
                    sent.count == 1
                    ? "select \(sent[0]) as \(trusted: name)"
                    : "select * from unnest(\(OptionalArray(sent))) as \(trusted: name)"
                return try connection.query(sql).map { try $0.optional(0, as: Value.self) }
            }
            let isSame = read.map(encoded) == sent.map(encoded)
            #expect(isSame, "\(Value.self): \(sent.count) values")
        }
    }

    @Test("every type comes back as it went, alone and in arrays with nulls, full and empty")
    func roundTrips() async throws {
        try await expectEcho([true, false])
        try await expectEcho([Int64.min, -1, 0, 1, .max])
        try await expectEcho([Int.min, -1, 0, 1, .max])
        try await expectEcho([Int32.min, -1, 0, 1, .max])
        try await expectEcho([0.1, -0.0, Double.nan, .infinity, .leastNonzeroMagnitude, -1.5e300])
        let large = Array(repeating: Array(UInt8.min...UInt8.max), count: 5 << 12).flatMap { $0 }
        try await expectEcho([Bytes([]), Bytes([0]), Bytes(large + [7])])  // 5 MiB and a byte
        try await expectEcho([CircleID(high: 0, low: 0), CircleID(high: .max, low: 1)])
        // Around both epochs, in 1684, and the end of 9999.
        let times: [Int64] = [
            0, -1, 946_684_799_999_999, 946_684_800_000_000, -1 << 53, 253_402_300_799_999_999,
        ]
        try await expectEcho(times.map { Timestamp(microseconds: $0) })
        try await expectEcho([
            "", " ", "Ελληνικά 🎧 👩‍👩‍👧", "e\u{301}", "\u{E9}", "\u{FEFF}\u{202E}\u{FFFF}", "NULL",
            "{a,\"b\"}", "a'b\"c\\d\r\n\t; drop table circles; -- $1 %",
            String(repeating: "é", count: 100_000),
        ])
    }

    @Test("what we send is what PostgreSQL takes it for; arrays of text come back")
    func sendsMeaning() async throws {
        let time = try #require(Timestamp(rfc3339: "2026-11-23T18:00:00.25Z"))
        let id = CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0001)
        let strings = ["", "Ω 🎧", "NULL", "{a,\"b\"}"]
        let (text, back) = try await pool.withConnection { connection in
            let rows = try connection.queryText(
                """
                select
                    \(time), \(id), \(Bytes([0xDE, 0xAD])), \(Int64.min), \(Int32.max), \(0.5),
                    \(false), \(OptionalArray(["a", nil, "NULL"])), \([1, 2]), \(String?.none)
                """)
            let row = try connection.query("select \(strings), \([String]())")[0]
            let back: [[String]] = [try row.get(0), try row.get(1)]
            return (rows.columns.indices.map { rows[0, $0] ?? "∅" }, back)
        }
        #expect(
            text == [
                "2026-11-23 18:00:00.25+00", "019aaaaa-0000-7000-8000-000000000001", "\\xdead",
                "-9223372036854775808", "2147483647", "0.5", "f", "{a,NULL,\"NULL\"}", "{1,2}", "∅",
            ])
        #expect(back == [strings, []])
    }

    @Test("a column of another type, null or missing is CIRCD; what is alike is read")
    func refusesMismatches() async throws {
        let codes = try await pool.withConnection { connection in
            func code<Value>(_ body: () throws -> Value) -> String {
                do {
                    return "read \(try body())"
                } catch {
                    return (error as? DatabaseError)?.code ?? "\(error)"
                }
            }
            let row = try connection.query(
                """
                select
                    8::int8, 'text', 1.5::numeric, now()::timestamp, null::text, '{}'::jsonb,
                    array['a', null], array[array['a', 'b'], array['c', 'd']], 4::int4, 2::int2,
                    'n'::name, 'v'::varchar
                """)[0]
            return [
                code { try row.get(1, as: Int.self) }, code { try row.get(0, as: String.self) },
                code { try row.get(0, as: Int32.self) }, code { try row.get(0, as: Bool.self) },
                code { try row.get(1, as: Bytes.self) }, code { try row.get(1, as: CircleID.self) },
                code { try row.get(2, as: Double.self) },
                code { try row.get(3, as: Timestamp.self) },
                code { try row.get(4, as: String.self) }, code { try row.get(5, as: String.self) },
                code { try row.get(6, as: [String].self) },
                code { try row.get(7, as: [String].self) },
                code { try row.get(12, as: Int.self) }, code { try row.get(-1, as: Int.self) },
                code { try row.get(8, as: Int.self) }, code { try row.get(9, as: Int64.self) },
                code { try row.get(10, as: String.self) },
                code { try row.get(11, as: String.self) },
            ]
        }
        #expect(
            codes
                == Array(repeating: "CIRCD", count: 14) + ["read 4", "read 2", "read n", "read v"])
    }

    // MARK: Statements

    @Test("an error has its SQLSTATE, and the session goes on")
    func namesErrors() async throws {
        let syntax = try await failure { try $0.query("selec 1") }
        #expect(syntax.code == "42601")
        #expect(!syntax.isRetriable)
        // A NUL is refused, not cut off.
        let nul = try await failure { try $0.query("select \("a\u{0}b") as nul") }
        #expect(nul.code == "22021")
        let twice = try await failure { connection in
            try connection.script("create table pairs (id int constraint pairs_pk primary key)")
            try connection.query("insert into pairs values (1), (1)")
        }
        #expect(twice.isUniqueViolation)
        #expect(twice.constraint == "pairs_pk")
    }

    @Test("a text that comes again with binds of other types is another statement")
    func preparesByType() async throws {
        let text = try await pool.withConnection { connection in
            let sql: [SQL] = ["select \(1)", "select \("one")", "select \(true)", "select \(2)"]
            return try sql.map { try connection.queryText($0)[0, 0] }
        }
        #expect(text == ["1", "one", "t", "2"])
    }

    @Test("the settings of one statement end with it, whether it fails or not")
    func readsWithSettings() async throws {
        let values = try await pool.withConnection { connection in
            let inside = try connection.read(
                "select current_setting('tests.a'), current_setting('tests.b')",
                settings: [("tests.a", "one\u{0}"), ("tests.b", "'two'")])[0]
            _ = try? connection.read("select 1 / 0", settings: [("tests.a", "three")])
            let after = try connection.query("select current_setting('tests.a', true)")[0]
            return [
                try inside.get(0, as: String.self), try inside.get(1, as: String.self),
                try after.get(0, as: String.self),
            ]
        }
        #expect(values == ["one", "'two'", ""])
    }

    @Test("a transaction keeps what it did when it returns, and nothing when it throws")
    func rollsBack() async throws {
        try await pool.withConnection { try $0.script("create table notes (id int)") }
        try await pool.transaction { _ = try $0.query("insert into notes values (1)") }
        await #expect(throws: Refusal.self) {
            try await self.pool.transaction { connection in
                try connection.query("insert into notes values (2)")
                throw Refusal()
            }
        }
        // The body returns, though a statement of it failed: PostgreSQL rolls back all the same.
        let swallowed = try await failure { connection in
            try connection.transaction {
                try connection.query("insert into notes values (3)")
                do { try connection.query("select 1 / 0") } catch {}
            }
        }
        #expect(swallowed.code == "25P02")
        #expect(try await number("select sum(id) from notes") == 1)
    }

    // MARK: Sessions

    @Test("a session that the server ends fails one call, retriably; the next has a new one")
    func replacesSessions() async throws {
        let former = try await number("select pg_backend_pid()")
        let url = url
        let isGone = try await BlockingThread.run(name: "terminate") {
            try Connection(url: url, applicationName: "tests")
                .query("select pg_terminate_backend(\(former)::int4, 30000)")[0]
                .get(0, as: Bool.self)
        }
        try #require(isGone)
        #expect(try await failure { try $0.query("select 1 as one") }.isRetriable)
        #expect(try await number("select pg_backend_pid()") != former)
    }

    @Test("what a migration does to a prepared statement fails one call, retriably")
    func replacesStalePlans() async throws {
        let url = url
        func change(_ script: String) async throws {
            try await BlockingThread.run(name: "migrate") {
                try Connection(url: url, applicationName: "tests").script(script)
            }
        }
        func count() async throws -> Int {
            try await pool.transaction { try $0.query("select amount from stock")[0].get(0) }
        }
        try await change("create table stock (amount bigint); insert into stock values (3)")
        #expect(try await count() == 3)
        try await change(
            "create domain positive as bigint; alter table stock alter column amount type positive")
        let stale = try await #require(throws: DatabaseError.self) { try await count() }
        #expect(stale.code == "0A000" && stale.isRetriable)
        #expect(try await count() == 3)
    }

    @Test("past its queue's limit the pool refuses at once with CIRCP")
    func limitsTheQueue() async throws {
        let pool = ConnectionPool(url: url, applicationName: "tests", size: 1, waitingCountMax: 1)
        defer { pool.close() }
        let (entered, entry) = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        async let held: Int = pool.withConnection { connection in
            entry.yield()
            gate.wait()
            return try connection.query("select 1")[0].get(0)
        }
        defer { gate.signal() }  // whatever happens, the session's thread goes on
        for await _ in entered { break }
        #expect(pool.submit { _ in })
        #expect(!pool.submit { _ in })
        let full = try await #require(throws: DatabaseError.self) {
            try await pool.withConnection { _ in }
        }
        #expect(full.code == "CIRCP")
        gate.signal()
        let one = try await held
        #expect(one == 1)
    }

    // MARK: COPY, NOTIFY

    private func copy(
        _ range: ClosedRange<Int>, then last: @escaping @Sendable (inout CopyWriter) throws -> Void
    ) async throws {
        try await pool.withConnection { connection in
            try connection.script(
                "create table if not exists notes (id bigint primary key, note text)")
            try connection.copy(into: "notes (id, note)") { copy in
                for id in range {
                    let note: String? = id.isMultiple(of: 4) ? nil : "note, \"\(id)\"\n"
                    try copy.row(columnCount: 2)
                    copy.append(id)
                    copy.append(note)
                }
                try last(&copy)
            }
        }
    }

    @Test("COPY brings every row; one that fails brings none, and the session goes on")
    func copies() async throws {
        try await copy(1...100_000) { _ in }
        let all: SQL = "select count(*) from notes"
        #expect(try await number(all) == 100_000)
        #expect(try await number("select count(*) from notes where note is null") == 25_000)
        #expect(
            try await number(
                "select count(*) from notes where note = 'note, \"' || id || E'\"\\n'") == 75_000)
        // The body throws when some of its rows are with the server already.
        await #expect(throws: Refusal.self) {
            try await self.copy(200_001...210_000) { _ in throw Refusal() }
        }
        #expect(try await number(all) == 100_000)
        // The first row is a duplicate; the server says so while the others are on their way.
        let error = try await #require(throws: DatabaseError.self) {
            try await self.copy(100_000...150_000) { _ in }
        }
        #expect(error.code == "23505")
        #expect(error.constraint == "notes_pkey")
        #expect(try await number(all) == 100_000)
    }

    @Test("a notification of another session, and one's own, arrives; else the wait ends")
    func listens() async throws {
        let url = url
        let (before, other, own) = try await BlockingThread.run(name: "listen") {
            let listener = try Connection(url: url, applicationName: "tests")
            let notifier = try Connection(url: url, applicationName: "tests")
            func heard(_ milliseconds: Int) throws -> [String] {
                try listener.waitForNotifications(milliseconds: milliseconds)
                    .map { "\($0.channel): \($0.payload)" }
            }
            try listener.script("listen heard")
            let before = try heard(0)
            try notifier.query("select pg_notify('unheard', 'x'), pg_notify('heard', \("Ω 🎧"))")
            let other = try heard(60_000)
            try listener.script("notify heard, 'one'; notify heard, 'two'")
            return (before, other, try heard(0))
        }
        #expect(before == [])
        #expect(other == ["heard: Ω 🎧"])
        #expect(own == ["heard: one", "heard: two"])
    }
}
