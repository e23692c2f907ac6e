import Database
import Domain
import Foundation

/// A report of the catalogue: a view in schema `reports`, described by its file in
/// `sql/reports`.
public struct Report: Sendable, Equatable {
    public let name: String
    /// The first sentence of the file's header.
    public let summary: String
    /// The column that `--from` and `--to` bound.
    public let rangeColumn: String
    /// Columns whose text may name people.
    let namingColumns: [String]
    /// The columns as they are read.
    private var selected: String

    public enum Failure: Error, Sendable, CustomStringConvertible, Equatable {
        case unknown(name: String, known: [String])
        case invertedRange
        case unreadable(file: String, reason: String)

        public var description: String {
            switch self {
            case .unknown(let name, let known):
                "there is no report '\(name)'; there are: \(known.joined(separator: ", "))"
            case .invertedRange: "--from must be before --to"
            case .unreadable(let file, let reason): "\(file): \(reason)"
            }
        }
    }

    /// All reports, by name.
    public static func catalogue(sqlDirectory: String) throws -> [Report] {
        let path = sqlDirectory + "/reports"
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw Failure.unreadable(file: path, reason: "no such folder")
        }
        return try files.filter { $0.hasSuffix(".sql") }.sorted().map { file in
            try parse(
                String(contentsOfFile: path + "/" + file, encoding: .utf8),
                name: String(file.dropLast(4)))
        }
    }

    /// Reads a report's header: its second line is the summary, `Range:` names the column, and
    /// `Names people:` those whose text may.
    static func parse(_ text: String, name: String) throws -> Report {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let header = lines.prefix { $0.hasPrefix("--") }.map {
            $0.dropFirst(2).trimmingCharacters(in: .whitespaces)
        }
        guard header.count >= 2, header[0] == "Report: \(name)" else {
            throw Failure.unreadable(file: name + ".sql", reason: "no 'Report: \(name)' header")
        }
        let words = header.joined(separator: " ").components(separatedBy: "Range: ")
        guard words.count == 2,
            let column = words[1].split(whereSeparator: { " .,;".contains($0) }).first,
            column.allSatisfy({ $0.isLetter || $0 == "_" })
        else {
            throw Failure.unreadable(file: name + ".sql", reason: "no 'Range:' in the header")
        }
        let naming = header.first { $0.hasPrefix(Self.namingPrefix) }?
            .dropFirst(Self.namingPrefix.count).split(whereSeparator: { " ,.".contains($0) })
        return Report(
            name: name, summary: header[1], rangeColumn: String(column),
            namingColumns: naming?.map(String.init) ?? [], selected: "*")
    }

    private static let namingPrefix = "Names people: "

    public static func named(_ name: String, sqlDirectory: String) throws -> Report {
        let all = try catalogue(sqlDirectory: sqlDirectory)
        guard let report = all.first(where: { $0.name == name }) else {
            throw Failure.unknown(name: name, known: all.map(\.name))
        }
        return report
    }

    /// The same report with pseudonyms in place of uids, and without what may name people in other
    /// words; free text of people, such as titles, stays. To be read by this session alone.
    @available(*, noasync)
    public func pseudonymised(
        by pseudonyms: Pseudonyms, connection: Connection
    ) throws -> Report {
        try pseudonyms.install(connection)
        let columns = try connection.query(
            """
            select attname, atttypid = 'text[]'::regtype
            from pg_attribute
            where attrelid = ('reports.' || \(name))::regclass and attnum > 0
                and not attisdropped
            order by attnum
            """
        ).map { row in
            (name: try row.get(0, as: String.self), isArray: try row.get(1, as: Bool.self))
        }
        var report = self
        report.selected = columns.filter { !namingColumns.contains($0.name) }.map { column in
            if column.isArray { return Pseudonyms.arrayExpression(column.name) }
            return Pseudonyms.isUID(column.name)
                ? Pseudonyms.expression(column.name) : column.name
        }.joined(separator: ", ")
        return report
    }

    /// Reads the report's rows in a half-open range of time, oldest first.
    @available(*, noasync)
    public func rows(
        from: Timestamp?, to: Timestamp?, connection: Connection
    ) throws -> TextRows {
        try connection.queryText(statement("", from: from, to: to))
    }

    /// Like `rows`, but a part at a time: memory holds `rowCount` rows.
    ///
    /// - Parameter body: called at least once, so that it sees the columns.
    @available(*, noasync)
    public func forEachPart(
        from: Timestamp?, to: Timestamp?, rowCount: Int = 1000, connection: Connection,
        _ body: (TextRows) throws -> Void
    ) throws {
        let statement = try statement("declare report_rows cursor for ", from: from, to: to)
        try connection.transaction {
            try connection.query(statement)
            while true {
                let part = try connection.queryText(
                    "fetch \(trusted: String(rowCount)) from report_rows")
                try body(part)
                if part.count < rowCount { return }
            }
        }
    }

    private func statement(_ prefix: String, from: Timestamp?, to: Timestamp?) throws -> SQL {
        if let from, let to, from >= to { throw Failure.invertedRange }
        let column = "\"\(rangeColumn)\""
        return """
            \(trusted: prefix)select \(trusted: selected)
            from reports.\(trusted: "\"\(name)\"")
            where (\(from)::timestamptz is null or \(trusted: column) >= \(from))
                and (\(to)::timestamptz is null or \(trusted: column) < \(to))
            order by \(trusted: column), 1
            """
    }
}
