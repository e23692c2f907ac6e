import Foundation
import Testing

@testable import Reports

@Suite("Report (headers of sql/reports)")
struct ReportTests {
    private func parse(_ header: String, name: String = "sessions") throws -> Report {
        try Report.parse(header, name: name)
    }

    @Test("a header gives the summary and the column of the range")
    func readsHeaders() throws {
        let report = try parse(
            """
            -- Report: sessions
            -- One row per circle that went live.
            --
            -- Grain: one circle. Inputs: circle_sessions. Range: started_at.
            -- Units: minutes.

            create view reports.sessions as select 1;
            """)
        #expect(report.name == "sessions")
        #expect(report.summary == "One row per circle that went live.")
        #expect(report.rangeColumn == "started_at")
        #expect(report.namingColumns == [])
    }

    @Test("a header names the columns that name people")
    func readsNamingColumns() throws {
        let report = try parse(
            "-- Report: sessions\n-- Summary.\n-- Names people: summary, cause.\n-- Range: day.")
        #expect(report.namingColumns == ["summary", "cause"])
    }

    @Test(
        "the column ends at a blank, a stop or the line",
        arguments: [
            "Range: day", "Range: day.", "Range: day, in UTC", "Range: day; half-open",
            "Grain: one day. Range: day. Units: none.", "Range: day\n-- More: text",
        ])
    func readsColumns(line: String) throws {
        let report = try parse("-- Report: sessions\n-- Summary.\n-- \(line)\nselect 1;\n")
        #expect(report.rangeColumn == "day")
    }

    @Test("a header without a space after the dashes is read as well")
    func readsTightHeaders() throws {
        let report = try parse("--Report: sessions\n--Summary.\n--Range: day.")
        #expect(report.summary == "Summary.")
        #expect(report.rangeColumn == "day")
    }

    @Test(
        "a file without its own header is refused",
        arguments: [
            "", "\n", "select 1;", "-- Report: sessions", "-- Report: other\n-- S.\n-- Range: day.",
            "-- Sessions\n-- S.\n-- Range: day.", "\n-- Report: sessions\n-- S.\n-- Range: day.",
            "select 1;\n-- Report: sessions\n-- S.\n-- Range: day.",
        ])
    func requiresHeaders(text: String) {
        #expect(
            throws: Report.Failure.unreadable(
                file: "sessions.sql", reason: "no 'Report: sessions' header")
        ) { try parse(text) }
    }

    @Test(
        "a header without one sound range is refused",
        arguments: [
            "-- Nothing.", "-- Range:", "-- Range: ", "-- Range: .", "-- Range: \"day\".",
            "-- Range: day-of-week", "-- Range: a\"; drop table circles",
            "-- Range: day. Range: hour.",
            "-- Ranges: day", "-- Range = day", "-- range: day", "select 'Range: day';",
        ])
    func requiresRanges(line: String) {
        #expect(
            throws: Report.Failure.unreadable(
                file: "sessions.sql", reason: "no 'Range:' in the header")
        ) { try parse("-- Report: sessions\n-- Summary.\n\(line)") }
    }

    @Test("a range below the header does not count")
    func endsHeaders() {
        #expect(throws: Report.Failure.self) {
            try parse("-- Report: sessions\n-- Summary.\n\n-- Range: day.")
        }
    }

    // MARK: The catalogue

    /// The repository's `sql` folder.
    private static let sqlDirectory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("sql").path

    @Test("every report of the repository has a sound header")
    func readsTheCatalogue() throws {
        let reports = try Report.catalogue(sqlDirectory: Self.sqlDirectory)
        #expect(reports.contains { $0.name == "sessions" && $0.rangeColumn == "started_at" })
        #expect(reports.map(\.name) == reports.map(\.name).sorted())
        #expect(reports.allSatisfy { $0.summary.count > 10 })
    }

    @Test("an unknown report is refused with the names of those that there are")
    func namesTheKnown() throws {
        let known = try Report.catalogue(sqlDirectory: Self.sqlDirectory).map(\.name)
        #expect(throws: Report.Failure.unknown(name: "sesions", known: known)) {
            try Report.named("sesions", sqlDirectory: Self.sqlDirectory)
        }
        #expect(try Report.named("sessions", sqlDirectory: Self.sqlDirectory).name == "sessions")
    }

    @Test("a folder that is not there is named")
    func namesMissingFolders() {
        let failure = Report.Failure.unreadable(file: "/nowhere/reports", reason: "no such folder")
        #expect(throws: failure) { try Report.catalogue(sqlDirectory: "/nowhere") }
    }

    @Test("failures say what to do")
    func describesFailures() {
        #expect(
            Report.Failure.unknown(name: "x", known: ["a", "b"]).description
                == "there is no report 'x'; there are: a, b")
        #expect(Report.Failure.invertedRange.description == "--from must be before --to")
        #expect(
            Report.Failure.unreadable(file: "a.sql", reason: "is empty").description
                == "a.sql: is empty")
    }
}
