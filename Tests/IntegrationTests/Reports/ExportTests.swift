import BlockingThread
import Crypto
import Database
import Domain
import Embedded
import Foundation
import TestKit
import Testing

@testable import Ingest
@testable import Reports

@Suite("Exports of tables by day, against PostgreSQL", .timeLimit(.minutes(5)))
final class ExportTests: Sendable {
    private let store: TestStore
    private let folder = "/tmp/circles-export-\(UUID().uuidString)"

    init() async throws {
        store = try TestStore(poolSize: 1)
        try await store.pool.withConnection { connection in
            for seed in UInt64(1)..<5 {
                var generator = EventGenerator(
                    seed: seed, begin: IngestorTests.begin, stepMicrosecondsMax: 1_500_000_000)
                var random = SeededGenerator(seed: seed)
                try IngestorTests.ingest(
                    generator.generate(eventCount: 80), Ingestor(target: .live), connection,
                    random: &random)
            }
            // What a format may stumble over.
            try connection.query(
                """
                update circle_sessions
                set title = E'a,"b"\\r\\nc\\\\d\\t\\x01 é', category = '', end_reason = null
                """)
        }
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: folder)  // left in /tmp at worst
    }

    private func export(
        _ tables: [String] = ["events"], from: String = "2026-11-23", to: String = "2026-11-26",
        format: ExportFormat = .csv, isCompressed: Bool = false, pseudonyms: Pseudonyms? = nil,
        isForced: Bool = false, now: String = "2026-12-01", into directory: String? = nil
    ) async throws -> Export.Outcome {
        let export = try Export(
            tables: try tables.map { name in try ExportTable.named(name) },
            from: try #require(ExportDay(from)), to: try #require(ExportDay(to)), format: format,
            isCompressed: isCompressed, pseudonyms: pseudonyms, isForced: isForced,
            directory: directory ?? folder, clock: ManualClock(Timestamp(rfc3339: now)!))  // a date
        return try await store.pool.withConnection { try export.run($0) }
    }

    private func files(_ table: String, in directory: String? = nil) throws -> [String: Data] {
        let path = (directory ?? folder) + "/" + table
        return try FileManager.default.contentsOfDirectory(atPath: path).reduce(into: [:]) {
            $0[$1] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($1)"))
        }
    }

    /// What a Python program makes of standard input.
    private static func python(_ program: String, _ arguments: [String]) async throws -> String {
        let output = "/tmp/circles-export-\(UUID().uuidString).out"
        defer { try? FileManager.default.removeItem(atPath: output) }  // left in /tmp at worst
        let process = try ChildProcess(
            ["python3", "-c", program] + arguments, output: output)
        _ = try await BlockingThread.run(name: "python") { process.wait() }
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    // MARK: Content

    @Test("every row is in the file of its day, and the manifest tells rows, bytes and hashes")
    func writesDays() async throws {
        let tables = ExportTable.all.map(\.name)
        let outcome = try await export(tables)
        #expect(outcome.writtenCount == tables.count * 3)
        for table in tables {
            let stored = try await store.number("select count(*) from \(trusted: table)")
            let files = try files(table)
            let manifest = try #require(try ExportManifest.load(from: "\(folder)/\(table)"))
            #expect(manifest.files.values.reduce(0) { $0 + $1.rows } == stored, "\(table)")
            #expect(files.count == 4 && manifest.table == table)
            for (name, file) in manifest.files {
                let data = try #require(files[name])
                #expect(file.bytes == data.count && file.isFinal)
                let hash = SHA256.hash(data: data)
                #expect("\(hash)".hasSuffix(file.sha256))
            }
        }
        let byDay = try await store.text(
            "select occurred_at::date, count(*) from events group by 1 order by 1")
        let manifest = try #require(try ExportManifest.load(from: "\(folder)/events"))
        let written = manifest.files.filter { $0.value.rows > 0 }.sorted { $0.key < $1.key }
        #expect(
            byDay == written.map { "\($0.key.prefix(10))|\($0.value.rows)" }.joined(separator: "\n")
        )
        #expect(written.count > 1)
    }

    @Test("Python's csv and json read every value back")
    func readsBack() async throws {
        _ = try await export(["circle_sessions", "events"])
        _ = try await export(
            ["circle_sessions", "events"], format: .ndjson, into: folder + "/lines")
        let program = """
            import base64, csv, glob, json, sys
            out, lines = sys.argv[1], sys.argv[2]
            def rows(table):
                for name in sorted(glob.glob(f'{out}/{table}/*.csv')):
                    yield from csv.DictReader(open(name, newline=''))
            def objects(table):
                for name in sorted(glob.glob(f'{lines}/{table}/*.ndjson')):
                    for line in open(name, newline='\\n'):
                        yield json.loads(line)
            sessions, others = list(rows('circle_sessions')), list(objects('circle_sessions'))
            title = 'a,"b"\\r\\nc\\\\d\\t\\x01 é'
            assert len(sessions) == 4 and len(others) == 4
            assert {s['title'] for s in sessions} == {title} == {o['title'] for o in others}
            assert {s['category'] for s in sessions} == {''} == {o['category'] for o in others}
            assert {o['end_reason'] for o in others} == {None}
            events, others = list(rows('events')), list(objects('events'))
            assert len(events) == len(others) > 300
            for e, o in zip(events, others):
                assert base64.b64decode(e['record'], validate=True) == base64.b64decode(o['record'])
                assert e['event_id'] == o['event_id'] and int(e['source_seq']) == o['source_seq']
            print('read', len(events), sum(len(base64.b64decode(e['record'])) for e in events))
            """
        let read = try await Self.python(program, [folder, folder + "/lines"])
        let stored = try await store.text(
            "select 'read ' || count(*) || ' ' || sum(length(record)) from events")
        #expect(read == stored + "\n")
    }

    @Test("gzip holds the same bytes, and the same rows are the same gzip")
    func compresses() async throws {
        _ = try await export()
        _ = try await export(isCompressed: true, into: folder + "/zipped")
        _ = try await export(isCompressed: true, into: folder + "/again")
        let program = """
            import gzip, sys
            for day in ('2026-11-23', '2026-11-24', '2026-11-25'):
                plain = open(f'{sys.argv[1]}/events/{day}.csv', 'rb').read()
                assert gzip.open(f'{sys.argv[1]}/zipped/events/{day}.csv.gz').read() == plain
            print('same')
            """
        #expect(try await Self.python(program, [folder]) == "same\n")
        #expect(
            try files("events", in: folder + "/zipped") == files("events", in: folder + "/again"))
    }

    // MARK: Pseudonyms

    @Test("a pseudonym is the HMAC of the uid, the same in every table; nothing else names anybody")
    func pseudonymises() async throws {
        let key = Array("0123456789abcdef0123456789abcdef".utf8)
        let tables = ExportTable.all.map(\.name)
        _ = try await export(tables, pseudonyms: try Pseudonyms(key: key))
        var all = Data()
        for table in tables {
            for data in try files(table).values { all += data }
        }
        let text = String(decoding: all, as: UTF8.self)
        for uid in ["ada", "bob", "cyd", "dan", "eve", "fay"] {
            let code = HMAC<SHA256>.authenticationCode(
                for: Data(uid.utf8), using: SymmetricKey(data: key))
            let pseudonym = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                .joined()
            #expect(text.contains(pseudonym), "\(uid)")
            #expect(!text.contains(",\(uid),") && !text.contains("\n\(uid),"), "\(uid)")
        }
        #expect(!text.contains("record"))
        let longKey = [UInt8](repeating: 7, count: 100)
        _ = try await export(
            pseudonyms: try Pseudonyms(key: longKey), into: folder + "/long")
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("ada".utf8), using: SymmetricKey(data: longKey))
        let pseudonym = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
        #expect(
            try files("events", in: folder + "/long").values.contains {
                String(decoding: $0, as: UTF8.self).contains(pseudonym)
            })
    }

    @Test("an export goes on under its key only, and under one that was thrown away never")
    func keepsKeysApart() async throws {
        let (one, other) = (
            try Pseudonyms(key: [UInt8](repeating: 1, count: 32)),
            try Pseudonyms(key: [UInt8](repeating: 2, count: 32))
        )
        _ = try await export(to: "2026-11-24", pseudonyms: one)
        let outcome = try await export(pseudonyms: one)
        #expect(outcome.skippedCount == 1 && outcome.writtenCount == 2)
        for refused in [other, Pseudonyms(), nil] {
            await #expect(throws: Export.Failure.self) {
                try await self.export(pseudonyms: refused)
            }
        }
        _ = try await export(pseudonyms: Pseudonyms(), isForced: true)
        await #expect(throws: Export.Failure.self) {
            try await self.export(pseudonyms: Pseudonyms())
        }
        #expect(throws: Export.Failure.shortKey(byteCount: 15)) {
            try Pseudonyms(key: [UInt8](repeating: 1, count: 15))
        }
    }

    // MARK: Going on

    @Test("days that are there are skipped, unless they were not over or are forced")
    func skips() async throws {
        let first = try await export(now: "2026-11-24T12:00:00Z")
        #expect(first.writtenCount == 3)
        let second = try await export()
        #expect(second.skippedCount == 1 && second.writtenCount == 2)
        #expect(try await export().writtenCount == 0)
        try FileManager.default.removeItem(atPath: folder + "/events/2026-11-24.csv")
        #expect(try await export().writtenCount == 1)
        #expect(try await export(isForced: true).writtenCount == 3)
    }

    @Test("what cannot be is refused: tables, ranges, folders, other formats, strange manifests")
    func refuses() async throws {
        await #expect(throws: Export.Failure.invertedRange) {
            try await self.export(from: "2026-11-24", to: "2026-11-24")
        }
        await #expect(throws: Export.Failure.longRange(dayCount: 7305)) {
            try await self.export(from: "2010-01-01", to: "2030-01-01")
        }
        for name in ["circles", "Events", "events; drop table events", "pg_authid", ""] {
            await #expect(throws: Export.Failure.self) { try await self.export([name]) }
        }
        for text in ["2026-02-30", "2026-11-23T00:00:00Z", "1969-12-31", "", "heute"] {
            #expect(ExportDay(text) == nil, "\(text)")
        }
        await #expect(throws: Export.Failure.self) {
            try await self.export(into: "/dev/null/there")
        }
        _ = try await export()
        await #expect(
            throws: Export.Failure.otherExport(
                path: folder + "/events", difference: "format")
        ) { try await self.export(format: .ndjson) }
        try Data("[]".utf8).write(to: URL(fileURLWithPath: folder + "/events/manifest.json"))
        await #expect(throws: Export.Failure.self) { try await self.export() }
    }

    @Test("a full disk is said, leaves no file that looks whole, and the session is still good")
    func toleratesFullDisks() async throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/events", withIntermediateDirectories: true)
        // Whatever is written to it finds the disk full.
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/events/2026-11-24.csv.part", withDestinationPath: "/dev/full")
        do {
            _ = try await export()
            Issue.record("the disk was not full")
        } catch let Export.Failure.unwritable(path, reason) {
            #expect(path.hasSuffix("2026-11-24.csv.part") && reason.contains("space"), "\(reason)")
        }
        #expect(try files("events").keys.sorted() == ["2026-11-23.csv", "manifest.json"])
        #expect(try await export().skippedCount == 1)
    }

    // MARK: The program

    @Test("killed in the middle, the next run leaves the same bytes as one that was not")
    func goesOnAfterKill() async throws {
        let (begin, end) = ("2026-01-01", "2026-12-01")
        _ = try await export(from: begin, to: end)
        let whole = try files("events")
        try #require(whole.count == 335)
        let options = [
            "--table", "events", "--from", begin, "--to", end, "--out", folder + "/killed",
        ]
        let process = CirclesProcess(
            "export", options, environment: ["DATABASE_URL": store.databaseURL],
            log: folder + "/log")
        try process.start()
        // Some files are there, and not yet all.
        let path = folder + "/killed/events"
        for _ in 0..<3000 {
            if let names = try? FileManager.default.contentsOfDirectory(atPath: path),
                names.count > 20
            {
                break
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        process.kill()
        let left = try files("events", in: folder + "/killed")
        #expect(left.count < whole.count && left.count > 20)
        for (name, data) in left where name.hasSuffix(".csv") { #expect(whole[name] == data) }
        let outcome = try await export(from: begin, to: end, into: folder + "/killed")
        #expect(outcome.skippedCount > 10 && outcome.writtenCount > 0)
        #expect(try files("events", in: folder + "/killed") == whole)
    }
}
