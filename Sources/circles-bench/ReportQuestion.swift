import Foundation
import Reports

/// What is asked of a report, and of raw history if it can answer.
struct ReportQuestion {
    let report: Report
    /// The stretch of days that the report is usually asked for; it ends with the history.
    let dayCount: Int
    /// Nobody looks at the survival curves of all circles at once.
    var isOfOneCircle: Bool { report.name == "listener_drop_off" }
    /// The same question in words of raw history.
    let raw: Raw?

    struct Raw {
        let postgres: String
        let clickHouse: String
        /// The report's rows, in the columns and order of the other two.
        let ours: String
    }

    /// A report of circles or minutes is asked for a day or a week, one of days for four weeks.
    private static let dayCounts = [
        "concurrency": 1, "listener_drop_off": 1, "quality": 1, "talk_time": 1,
        "rsvp_conversion": 7, "sessions": 7, "moderation_log": 7, "retention": 60,
        "live_now": 1,
    ]
    private static let dayCountDefault = 28

    /// - Parameters:
    ///   - folder: of `<report>.sql` (PostgreSQL) and `<report>.clickhouse.sql`.
    ///   - endAt: when the history ends, a UTC midnight.
    static func all(folder: String, sqlDirectory: String, endAt: Date) throws -> [ReportQuestion] {
        try Report.catalogue(sqlDirectory: sqlDirectory).map { report in
            let dayCount = dayCounts[report.name] ?? dayCountDefault
            let path = "\(folder)/\(report.name)"
            guard let text = try? String(contentsOfFile: path + ".sql", encoding: .utf8) else {
                return ReportQuestion(report: report, dayCount: dayCount, raw: nil)
            }
            let bounds = [
                "{from}": day(endAt.addingTimeInterval(-86_400 * Double(dayCount))),
                "{to}": day(endAt),
            ]
            func filled(_ text: String) -> String {
                bounds.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
            }
            let other = try String(contentsOfFile: path + ".clickhouse.sql", encoding: .utf8)
            return ReportQuestion(
                report: report, dayCount: dayCount,
                raw: Raw(
                    postgres: filled(text), clickHouse: filled(other),
                    ours: filled(ours(text, report))))
        }
    }

    private static func ours(_ text: String, _ report: Report) -> String {
        func header(_ name: String) -> String? {
            text.split(separator: "\n").first { $0.hasPrefix("-- \(name): ") }
                .map { String($0.dropFirst("-- \(name): ".count)) }
        }
        let column = report.rangeColumn
        let also = header("Where").map { " and \($0)" } ?? ""
        let group = header("Group").map { " group by \($0)" } ?? ""
        return "select \(header("Columns") ?? "*") from reports.\(report.name) "
            + "where \(column) >= '{from}' and \(column) < '{to}'\(also)\(group)"
    }

    static func day(_ date: Date) -> String {
        date.formatted(.iso8601.year().month().day())
    }
}
