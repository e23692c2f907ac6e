import Database
import Domain
import Foundation
import TestKit
import Testing

@testable import Reports

@Suite("Reports, against PostgreSQL (fixture sessions.sql)", .timeLimit(.minutes(5)))
final class ReportTests: Sendable {
    private let store: TestStore
    private let report: Report

    init() async throws {
        store = try TestStore(poolSize: 1)
        report = try Report.named("sessions", sqlDirectory: TestCluster.sqlDirectory)
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/sessions.sql")
        let text = try String(contentsOf: fixture, encoding: .utf8)
        try await store.pool.withConnection { try $0.script(text) }
    }

    deinit {
        store.close()
    }

    /// The report as the program writes it, and the moment that its rows name as theirs.
    private func sessions(
        _ format: ReportFormat, from: String? = nil, to: String? = nil
    ) async throws -> (text: String, asOf: String) {
        let report = report
        let from = try from.map { try #require(Timestamp(rfc3339: $0)) }
        let to = try to.map { try #require(Timestamp(rfc3339: $0)) }
        return try await store.pool.withConnection { connection in
            let rows = try report.rows(from: from, to: to, connection: connection)
            let column = try #require(rows.columns.firstIndex(of: "as_of"))
            return (format.render(rows), rows.count > 0 ? rows[0, column] ?? "" : "")
        }
    }

    /// The result of a query, rendered.
    private func rendered(_ format: ReportFormat, _ sql: SQL) async throws -> String {
        try await store.pool.withConnection { format.render(try $0.queryText(sql)) }
    }

    // MARK: Formats

    @Test("sessions as CSV: what began, in order of time and id, quoted where it must be")
    func writesCSV() async throws {
        let (text, asOf) = try await sessions(.csv)
        let live = "2026-11-21 20:00:00+00"
        #expect(
            text == """
                circle_id,title,category,privacy,host_uid,started_at,ended_at,end_reason,\
                duration_minutes,members,attendances,peak_listeners,peak_speakers,total_minutes,\
                hand_raises,promotions,kicks,as_of
                019aaaaa-0000-7000-8000-000000000001,Vinyl night,music,public,ada,\
                2026-11-20 18:00:00+00,2026-11-20 19:30:00+00,host,\
                90.0,41,48,37,5,612.500,9,3,2,\(asOf)
                019aaaaa-0000-7000-8000-000000000002,"Rock, ""roll""
                and Ελληνικά",music,private,bo,\(live),,,,5,6,3,2,0.000,1,1,0,\(asOf)
                019aaaaa-0000-7000-8000-000000000003,Late talk,,secret,cleo,\
                \(live),2026-11-21 20:00:10.5+00,empty,0.2,1,1,0,1,0.175,0,0,0,\(asOf)
                019aaaaa-0000-7000-8000-000000000005,Midnight,talk,public,eva,\
                2026-11-22 00:00:00+00,,,,1,1,0,1,0.000,0,0,0,\(asOf)

                """)
    }

    @Test("sessions as JSON: numbers are numbers, null is null, text is escaped")
    func writesJSON() async throws {
        let (text, asOf) = try await sessions(
            .json, from: "2026-11-21T20:00:00Z", to: "2026-11-22T00:00:00Z")
        #expect(
            text == #"""
                [
                  {
                    "circle_id": "019aaaaa-0000-7000-8000-000000000002",
                    "title": "Rock, \"roll\"\nand Ελληνικά",
                    "category": "music",
                    "privacy": "private",
                    "host_uid": "bo",
                    "started_at": "2026-11-21 20:00:00+00",
                    "ended_at": null,
                    "end_reason": null,
                    "duration_minutes": null,
                    "members": 5,
                    "attendances": 6,
                    "peak_listeners": 3,
                    "peak_speakers": 2,
                    "total_minutes": 0.000,
                    "hand_raises": 1,
                    "promotions": 1,
                    "kicks": 0,
                    "as_of": "\#(asOf)"
                  },
                  {
                    "circle_id": "019aaaaa-0000-7000-8000-000000000003",
                    "title": "Late talk",
                    "category": "",
                    "privacy": "secret",
                    "host_uid": "cleo",
                    "started_at": "2026-11-21 20:00:00+00",
                    "ended_at": "2026-11-21 20:00:10.5+00",
                    "end_reason": "empty",
                    "duration_minutes": 0.2,
                    "members": 1,
                    "attendances": 1,
                    "peak_listeners": 0,
                    "peak_speakers": 1,
                    "total_minutes": 0.175,
                    "hand_raises": 0,
                    "promotions": 0,
                    "kicks": 0,
                    "as_of": "\#(asOf)"
                  }
                ]

                """#)
        let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8))
        #expect((parsed as? [[String: Any]])?.count == 2)
    }

    @Test("sessions as a table: a head, a rule, a line for each row and their number")
    func writesTables() async throws {
        let text = try await sessions(.table).text
        let lines = text.components(separatedBy: "\n")
        try #require(lines.count == 8, "\(text)")
        #expect(lines[0].hasPrefix("circle_id "))
        #expect(lines[0].hasSuffix("  as_of"))
        #expect(Set(lines[1]) == ["─", " "])
        #expect(lines[3].contains("  Rock, \"roll\" and Ελληνικά  music "))
        #expect(lines[6...] == ["(4 rows)", ""])
    }

    @Test("a table aligns numbers right and text left, and keeps every row on its line")
    func alignsTables() async throws {
        let text = try await rendered(
            .table,
            """
            select * from (values (1, E'a\\tb\\r\\nc', 1.5), (200, null, null)) as t (n, text, size)
            """)
        #expect(
            text == """
                  n  text    size
                ───  ──────  ────
                  1  a b  c   1.5
                200
                (2 rows)

                """)
        #expect(try await rendered(.table, "select 1 as n where false") == "n\n─\n(0 rows)\n")
        #expect(try await rendered(.table, "select 1 as n") == "n\n─\n1\n(1 row)\n")
    }

    @Test(
        "CSV quotes every value that needs it (RFC 4180 §2)",
        arguments: [
            ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\""), ("a\rb", "\"a\rb\""),
            ("a\r\nb", "\"a\r\nb\""), ("a,\u{301}b", "\"a,\u{301}b\""),
            ("a\"\u{301}b", "\"a\"\"\u{301}b\""), ("a b", "a b"), ("", ""),
        ])
    func quotesCSV(value: String, quoted: String) async throws {
        let text = try await rendered(.csv, "select \(value) as title, 7 as members")
        // By bytes: as strings, a text equals its canonical equivalents.
        #expect(Array(text.utf8) == Array("title,members\n\(quoted),7\n".utf8), "\(text)")
    }

    @Test("no rows are a head in CSV and an empty array in JSON")
    func writesNothing() async throws {
        let csv = try await sessions(.csv, from: "2027-01-01").text
        #expect(csv.components(separatedBy: "\n").count == 2)
        #expect(try await sessions(.json, from: "2027-01-01").text == "[]\n")
    }

    // MARK: Ranges

    @Test(
        "a range takes in its begin and not its end",
        arguments: [
            (nil, nil, "1235"), ("2026-11-21T20:00:00Z", nil, "235"),
            ("2026-11-21T20:00:00.000001Z", nil, "5"), (nil, "2026-11-21T20:00:00Z", "1"),
            (nil, "2026-11-21T20:00:00.000001Z", "123"), ("2026-11-20", "2026-11-21", "1"),
            ("2026-11-21", "2026-11-22", "23"), ("2026-11-22T00:00:00Z", nil, "5"),
            ("2026-11-20T20:00:00+02:00", "2026-11-20T18:00:00.000001Z", "1"),
            ("2026-11-23", "2026-11-24", ""),
        ] as [(String?, String?, String)])
    func bounds(from: String?, to: String?, circles: String) async throws {
        let text = try await sessions(.csv, from: from, to: to).text
        let rows = text.components(separatedBy: "\n").filter { $0.hasPrefix("019aaaaa-") }
        #expect(rows.map { String($0.prefix(36).suffix(1)) }.joined() == circles)
    }

    @Test(
        "a range that ends where it begins, or before, is refused",
        arguments: [("2026-11-21", "2026-11-21"), ("2026-11-22", "2026-11-21")])
    func refusesInvertedRanges(from: String, to: String) async throws {
        await #expect(throws: Report.Failure.invertedRange) {
            try await self.sessions(.csv, from: from, to: to)
        }
    }

    // MARK: The catalogue

    @Test(
        "a name that is not in the catalogue is refused with those that are",
        arguments: [
            "unknown", "", "Sessions", "sessions ", "sessions.sql", "reports.sessions",
            "sessions\"; drop table circles; --", "sessions; select 1", "sessions' or '1' = '1",
            "../migrations/0001_create_command_tables", "circle_sessions", "pg_catalog.pg_authid",
        ])
    func refusesUnknown(name: String) throws {
        let known = try Report.catalogue(sqlDirectory: TestCluster.sqlDirectory).map(\.name)
        #expect(known.contains("sessions"))
        #expect(throws: Report.Failure.unknown(name: name, known: known)) {
            try Report.named(name, sqlDirectory: TestCluster.sqlDirectory)
        }
    }

    @Test("every report of the catalogue is a view, with its range column, and can be read")
    func readsEveryReport() async throws {
        let reports = try Report.catalogue(sqlDirectory: TestCluster.sqlDirectory)
        let columns = try await store.pool.withConnection { connection in
            try reports.map {
                try $0.rows(from: nil, to: Timestamp(seconds: 1), connection: connection).columns
            }
        }
        for (report, columns) in zip(reports, columns) {
            #expect(columns.contains(report.rangeColumn), "\(report.name)")
            #expect(report.summary.hasSuffix("."), "\(report.name)")
        }
        let views = try await store.text(
            "select viewname from pg_views where schemaname = 'reports' order by viewname")
        #expect(views == reports.map(\.name).joined(separator: "\n"))
    }

    @Test("every view of schema reports and every column of it has a comment")
    func commentsEverything() async throws {
        let bare = try await store.text(
            """
            select views.relname, attributes.attname
            from pg_class as views
            join pg_attribute as attributes
                on attributes.attrelid = views.oid and attributes.attnum > 0
                    and not attributes.attisdropped
            left join pg_description as descriptions
                on descriptions.objoid = views.oid
                    and descriptions.classoid = 'pg_class'::regclass
                    and descriptions.objsubid = attributes.attnum
            where views.relnamespace = 'reports'::regnamespace and descriptions.description is null
            union all
            select views.relname, '(the view)'
            from pg_class as views
            where views.relnamespace = 'reports'::regnamespace
                and obj_description(views.oid, 'pg_class') is null
            """)
        #expect(bare == "")
    }
}
