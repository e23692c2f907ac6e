import Crypto
import Database
import Domain
import Foundation
import TestKit
import Testing

@testable import Reports

@Suite("Reports written as they come, against PostgreSQL", .timeLimit(.minutes(5)))
final class ReportWriterTests: Sendable {
    private let store: TestStore

    init() async throws {
        store = try TestStore(poolSize: 1)
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/reports.sql")
        let text = try String(contentsOf: fixture, encoding: .utf8)
        try await store.pool.withConnection { try $0.script(text) }
    }

    deinit {
        store.close()
    }

    private func report(_ name: String) throws -> Report {
        try Report.named(name, sqlDirectory: TestCluster.sqlDirectory)
    }

    private func written(
        _ name: String, _ format: ReportFormat, from: String? = nil, to: String? = nil
    ) async throws -> (text: String, count: Int) {
        let report = try report(name)
        let from = try from.map { try #require(Timestamp(rfc3339: $0)) }
        let to = try to.map { try #require(Timestamp(rfc3339: $0)) }
        return try await store.pool.withConnection { connection in
            var text = ""
            let count = try report.write(as: format, from: from, to: to, connection: connection) {
                text += $0
            }
            return (text, count)
        }
    }

    @Test("parts of any size are the rows in their order", arguments: [1, 2, 3, 21, 1000])
    func partsAreTheRows(rowCount: Int) async throws {
        let report = try report("listener_drop_off")
        let (whole, parts) = try await store.pool.withConnection { connection in
            let end = Timestamp(rfc3339: "2026-11-21T00:00:00Z")
            let rows = try report.rows(from: nil, to: end, connection: connection)
            var parts: [String] = []
            try report.forEachPart(
                from: nil, to: end, rowCount: rowCount, connection: connection
            ) { part in
                for row in 0..<part.count { parts.append(part[row, 3] ?? "") }
            }
            return ((0..<rows.count).map { rows[$0, 3] ?? "" }, parts)
        }
        #expect(whole.count == 21 && parts == whole)
    }

    @Test("JSON and a line of JSON each hold every row, and nothing but them")
    func writesJSON() async throws {
        let (json, count) = try await written("talk_time", .json)
        let array = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        #expect(count == 3 && array?.count == 3)
        let (lines, lineCount) = try await written("talk_time", .ndjson)
        let objects = try lines.split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        #expect(lineCount == 3)
        #expect(objects.map { $0?["uid"] as? String } == ["ada", "bo", "ada"])
        #expect(objects[2]?["talk_share"] is NSNull)
    }

    @Test("no rows are no line, an empty array, a head and a page that says so")
    func writesNothing() async throws {
        let from = "9999-12-31"
        #expect(try await written("talk_time", .ndjson, from: from) == ("", 0))
        #expect(try await written("talk_time", .json, from: from) == ("[]\n", 0))
        #expect(try await written("talk_time", .csv, from: from).text.hasPrefix("circle_id,title,"))
        #expect(try await written("talk_time", .html, from: from).text.contains("<p>0 rows</p>"))
    }

    @Test("a page stands alone, charts its numbers and shows text as text")
    func writesPages() async throws {
        try await store.pool.withConnection { connection in
            try connection.script(
                "update circle_sessions set title = '<script>alert(\"1\")</script> & more'")
        }
        let page = try await written("talk_time", .html).text
        #expect(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more"))
        #expect(!page.contains("<script") && !page.contains("http"))
        #expect(page.components(separatedBy: "<svg").count > 3)
        #expect(page.components(separatedBy: "<tr>").count == 5)
    }

    @Test("the gallery has a page for each report, and links to every one")
    func writesGalleries() async throws {
        let directory = "/tmp/circles-gallery-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }  // left in /tmp at worst
        let reports = try Report.catalogue(sqlDirectory: TestCluster.sqlDirectory)
        try await store.pool.withConnection { connection in
            try Gallery(reports: reports).write(
                to: directory, from: nil, to: nil, connection: connection)
        }
        let index = try String(contentsOfFile: directory + "/index.html", encoding: .utf8)
        for report in reports {
            #expect(index.contains("href=\"\(report.name).html\""), "\(report.name)")
            let page = try String(
                contentsOfFile: "\(directory)/\(report.name).html", encoding: .utf8)
            #expect(page.contains("<h1>\(report.name)</h1>"))
        }
    }

    /// The fields of a report, null as ∅.
    private struct Table: Sendable {
        let columns: [String]
        let rows: [[String]]

        init(_ text: TextRows) {
            columns = text.columns
            rows = (0..<text.count).map { row in
                text.columns.indices.map { text[row, $0] ?? "∅" }
            }
        }
    }

    @Test("with pseudonyms every report names the same people by them, and nobody otherwise")
    func pseudonymises() async throws {
        let key = Array("0123456789abcdef0123456789abcdef".utf8)
        let pseudonyms = try Pseudonyms(key: key)
        var names: [String: String] = [:]
        for uid in ["ada", "bo", "cy", "dee", "eve", "zed"] {
            let code = HMAC<SHA256>.authenticationCode(
                for: Data(uid.utf8), using: SymmetricKey(data: key))
            names[uid] = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                .joined()
        }
        var replacedCount = 0
        for report in try Report.catalogue(sqlDirectory: TestCluster.sqlDirectory) {
            let (named, unnamed) = try await store.pool.withConnection { connection in
                (
                    Table(try report.rows(from: nil, to: nil, connection: connection)),
                    Table(
                        try report.pseudonymised(by: pseudonyms, connection: connection)
                            .rows(from: nil, to: nil, connection: connection))
                )
            }
            let kept = named.columns.indices.filter { unnamed.columns.contains(named.columns[$0]) }
            #expect(kept.count == named.columns.count - (report.name == "incidents" ? 3 : 0))
            // as_of comes last, and is another moment's.
            let expected = named.rows.map { row in
                kept.dropLast().map { column in
                    row[column].replacing(#/\w+/#) { word in
                        guard let name = names[String(word.output)] else { return word.output }
                        replacedCount += 1
                        return Substring(name)
                    }
                }
            }
            let rows = unnamed.rows.map { Array($0.dropLast()) }
            #expect(Set(rows) == Set(expected) && rows.count == expected.count, "\(report.name)")
        }
        #expect(replacedCount > 12)
    }

    @Test("a range without extent is refused before anything is written")
    func refusesInvertedRanges() async throws {
        for format in ReportFormat.allCases {
            await #expect(throws: Report.Failure.invertedRange) {
                try await self.written("sessions", format, from: "2026-11-22", to: "2026-11-22")
            }
        }
    }
}
