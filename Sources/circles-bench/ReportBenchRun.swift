import Database
import Domain
import Embedded
import Foundation
import Reports

/// All questions to one size of history.
struct ReportBenchRun {
    let home: String
    let eventCount: Int
    let runCount: Int
    let patienceSeconds: Int
    let asksRaw: Bool

    /// One report's figures, milliseconds.
    struct Figures {
        var rowCount = 0
        var p50 = 0.0
        var p95 = 0.0
        /// `nil` without a question; infinite when patience ran out.
        var raw: Double?
        var chDB: Double?
        /// What differs between the answers.
        var problem: String?
    }

    struct Column {
        let eventCount: Int
        let figures: [(name: String, dayCount: Int, figures: Figures)]
    }

    func measure() throws -> Column {
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let postgres = try EmbeddedPostgres(home: home)
        let url = try postgres.start()
        defer { try? postgres.stop() }  // a cluster that stays is taken over by the next run
        try seed(url)
        let connection = try Connection(url: url, applicationName: "bench")
        let end: Timestamp = try connection.query(
            "select date_trunc('day', max(started_at), 'UTC') + interval '1 day' from circle_sessions"
        )[0].get(0)
        let endAt = Date(timeIntervalSince1970: Double(end.microseconds) / 1e6)
        let questions = try ReportQuestion.all(
            folder: "scripts/bench/reports", sqlDirectory: "sql", endAt: endAt)
        var column = try questions.map { question in
            var figures = try read(question, end: end, connection)
            if asksRaw, let raw = question.raw { figures.raw = try ask(raw, &figures, connection) }
            return (question.report.name, question.dayCount, figures)
        }
        if asksRaw { try askChDB(questions, &column, url: url, connection) }
        return Column(eventCount: eventCount, figures: column)
    }

    private func tell(_ text: String) {
        FileHandle.standardError.write(Data("\(eventCount) events: \(text)\n".utf8))
    }

    // MARK: History

    /// A cluster that an earlier run has seeded is taken as it is.
    private func seed(_ url: String) throws {
        let connection = try Connection(url: url, applicationName: "bench")
        _ = try Migrator(sqlDirectory: "sql").run(on: connection, today: SystemWallClock().now())
        let done = home + "/seeded"
        guard !FileManager.default.fileExists(atPath: done) else { return }
        let began = ContinuousClock.now
        let program =
            URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("circles").path
        let (status, output) = try ChildProcess.run([
            "env", "DATABASE_URL=\(url)",
            "SQL_DIR=\(FileManager.default.currentDirectoryPath)/sql", program, "seed-history",
            "--events", "\(eventCount)",
        ])
        guard status == 0 else { throw BenchFailure(description: output) }
        let seconds = Double(began.duration(to: .now) / .milliseconds(1)) / 1000
        tell(
            String(
                format: "seeded in %.0f s, %.0f events/s", seconds, Double(eventCount) / seconds))
        try connection.script("vacuum analyze")
        try Data().write(to: URL(fileURLWithPath: done))
    }

    // MARK: Asking

    private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let began = ContinuousClock.now
        try body()
        return began.duration(to: .now) / .microseconds(1) / 1000
    }

    private func read(
        _ question: ReportQuestion, end: Timestamp, _ connection: Connection
    ) throws -> Figures {
        var figures = Figures()
        let from = end.adding(seconds: -86_400 * Int64(question.dayCount))
        var times: [Double] = []
        for _ in 0..<runCount {
            times.append(
                try milliseconds {
                    figures.rowCount =
                        if question.isOfOneCircle {
                            try oneCircle(question.report, end: end, connection)
                        } else {
                            try question.report.rows(from: from, to: end, connection: connection)
                                .count
                        }
                })
        }
        times.sort()
        figures.p50 = times[times.count / 2]
        figures.p95 = times[min(Int(Double(times.count) * 0.95), times.count - 1)]
        tell(
            String(
                format: "%@ %.1f ms, %d rows", question.report.name, figures.p50,
                figures.rowCount))
        return figures
    }

    /// The rows of the last day's fullest circle.
    private func oneCircle(
        _ report: Report, end: Timestamp, _ connection: Connection
    ) throws -> Int {
        try connection.queryText(
            """
            select *
            from reports.\(trusted: report.name)
            where circle_id = (
                select circle_id
                from circle_sessions
                where started_at >= \(end.adding(seconds: -86_400)) and started_at < \(end)
                order by member_count desc
                limit 1
            )
            """
        ).count
    }

    /// - Returns: milliseconds of one run.
    private func ask(
        _ raw: ReportQuestion.Raw, _ figures: inout Figures, _ connection: Connection
    ) throws -> Double {
        let expected = try rows(raw.ours, connection)
        try connection.script("set statement_timeout = '\(patienceSeconds)s'")
        defer { try? connection.script("reset statement_timeout") }  // the next set does as well
        do {
            var answer: [[String]] = []
            let time = try milliseconds { answer = try rows(raw.postgres, connection) }
            figures.problem = difference(expected, answer).map { "PostgreSQL: \($0)" }
            tell(String(format: "  raw in PostgreSQL %.0f ms", time))
            return time
        } catch let error as DatabaseError where error.code == "57014" {
            return .infinity
        }
    }

    private func rows(_ sql: String, _ connection: Connection) throws -> [[String]] {
        let rows = try connection.queryText("\(trusted: sql)")
        return (0..<rows.count).map { row in
            (0..<rows.columns.count).map { rows[row, $0] ?? "" }
        }
    }

    private func difference(_ ours: [[String]], _ theirs: [[String]]) -> String? {
        let (ours, theirs) = (ours.map(normalised).sorted(), theirs.map(normalised).sorted())
        if ours == theirs { return nil }
        let place = zip(ours, theirs).enumerated().first { $0.element.0 != $0.element.1 }
        return "\(ours.count) and \(theirs.count) rows, "
            + (place.map { "\($0.element.0) is not \($0.element.1)" } ?? "some missing")
    }

    /// Numbers to a tenth: each side rounds its own way.
    private func normalised(_ row: [String]) -> String {
        row.map { field in
            if field == "\\N" { return "" }
            guard field.contains("."), let number = Double(field) else { return field }
            return String(format: "%.0f", number)
        }.joined(separator: "|")
    }

    // MARK: chDB

    private struct ChDBAnswer: Decodable {
        let seconds: [Double]
        let rows: [[String]]
        let problem: String?
    }

    private func askChDB(
        _ questions: [ReportQuestion], _ column: inout [(String, Int, Figures)], url: String,
        _ connection: Connection
    ) throws {
        let folder = home + "/export"
        try? FileManager.default.removeItem(atPath: folder)  // of a run that was broken off
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // large, and of no use
        try export(to: folder, url: url)
        tell("exported")
        let asked = Dictionary(
            uniqueKeysWithValues: questions.compactMap { question in
                question.raw.map { (question.report.name, $0.clickHouse) }
            })
        try JSONEncoder().encode(asked).write(to: URL(fileURLWithPath: folder + "/questions.json"))
        // A child begins in `/`.
        let root = FileManager.default.currentDirectoryPath
        let (status, output) = try ChildProcess.run([
            "sh", "-c",
            "\(root)/.build/chdb/bin/python \(root)/scripts/bench/chdb_reports.py '\(folder)' 3 "
                + "< '\(folder)/questions.json' > '\(folder)/answers.json'",
        ])
        guard status == 0 else { throw BenchFailure(description: output) }
        let answers = try JSONDecoder().decode(
            [String: ChDBAnswer].self,
            from: Data(contentsOf: URL(fileURLWithPath: folder + "/answers.json")))
        for index in column.indices {
            guard let answer = answers[column[index].0],
                let raw = questions[index].raw
            else { continue }
            if let problem = answer.problem {
                column[index].2.problem = "chDB: \(problem)"
                continue
            }
            column[index].2.chDB = answer.seconds.sorted()[answer.seconds.count / 2] * 1000
            if let problem = difference(try rows(raw.ours, connection), answer.rows) {
                column[index].2.problem = "chDB: \(problem)"
            }
        }
    }

    private func export(to folder: String, url: String) throws {
        let queries = [
            "events": """
            select circle_id, circle_seq, (occurred_at at time zone 'UTC')::text, event_type, \
            source, coalesce(uid, ''), session_id, coalesce(actor_uid, ''), coalesce(role, ''), \
            coalesce(reason, '') from events
            """,
            "quality_samples": """
            select circle_id, session_id, direction, source, source_epoch, \
            (sampled_at at time zone 'UTC')::text, source_seq, uid, packets_expected, \
            packets_lost from quality_samples
            """,
        ]
        for (table, query) in queries {
            let (status, output) = try ChildProcess.run([
                "psql", url, "-qc", "\\copy (\(query)) to '\(folder)/\(table).csv' (format csv)",
            ])
            guard status == 0 else { throw BenchFailure(description: output) }
        }
    }

    // MARK: Printing

    static func table(_ columns: [Column]) -> String {
        var lines: [String] = []
        for column in columns {
            lines.append("")
            lines.append("\(column.eventCount) events")
            lines.append(
                "report               days    rows   p50 ms   p95 ms   raw PG ms  raw chDB ms  "
                    + "PG/ours  chDB/ours")
            for (name, dayCount, figures) in column.figures {
                func number(_ value: Double?, _ width: Int) -> String {
                    let text = value.map { $0.isFinite ? String(format: "%.1f", $0) : "gave up" }
                    let shown = text ?? "-"
                    return String(repeating: " ", count: max(width - shown.count, 0)) + shown
                }
                lines.append(
                    name.padding(toLength: 20, withPad: " ", startingAt: 0)
                        + String(format: "%5d %7d", dayCount, figures.rowCount)
                        + number(figures.p50, 9) + number(figures.p95, 9)
                        + number(figures.raw, 12) + number(figures.chDB, 13)
                        + number(figures.raw.map { $0 / figures.p50 }, 9)
                        + number(figures.chDB.map { $0 / figures.p50 }, 11)
                        + (figures.problem.map { "  \($0)" } ?? ""))
            }
        }
        return lines.joined(separator: "\n")
    }
}
