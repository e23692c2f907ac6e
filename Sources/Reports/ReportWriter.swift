import Database
import Domain

extension Report {
    /// Writes the report; CSV and JSON as the rows come.
    ///
    /// - Returns: how many rows there were.
    @available(*, noasync)
    public func write(
        as format: ReportFormat, from: Timestamp?, to: Timestamp?, connection: Connection,
        _ output: (String) throws -> Void
    ) throws -> Int {
        if format == .table || format == .html {
            let rows = try rows(from: from, to: to, connection: connection)
            try output(
                format == .table
                    ? format.render(rows)
                    : HTMLReport(title: name, summary: summary, rows: rows).text)
            return rows.count
        }
        var count = 0
        try forEachPart(from: from, to: to, connection: connection) { part in
            switch format {
            case .csv: try output((count == 0 ? csvLine(part.columns) : "") + csvLines(part))
            case .json:
                if part.count > 0 {
                    let separator = count == 0 ? "[\n" : ",\n"
                    try output(separator + jsonObjects(part).joined(separator: ",\n"))
                }
            default: try output(jsonLines(part))
            }
            count += part.count
        }
        if format == .json { try output(count == 0 ? "[]\n" : "\n]\n") }
        return count
    }
}
