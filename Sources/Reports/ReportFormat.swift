import Database
import Foundation

/// How a report is written.
public enum ReportFormat: String, Sendable, CaseIterable {
    case table
    case csv
    case json
    case ndjson
    case html

    public func render(_ rows: TextRows) -> String {
        switch self {
        case .table: renderTable(rows)
        case .csv: csvLine(rows.columns) + csvLines(rows)
        case .json:
            rows.count == 0
                ? "[]\n" : "[\n" + jsonObjects(rows).joined(separator: ",\n") + "\n]\n"
        case .ndjson: jsonLines(rows)
        case .html: HTMLReport(title: "Report", summary: "", rows: rows).text
        }
    }
}

private func renderTable(_ rows: TextRows) -> String {
    let cells = (0..<rows.count).map { row in
        rows.columns.indices.map { rows[row, $0].map(singleLine) ?? "" }
    }
    let widths = rows.columns.indices.map { column in
        cells.reduce(rows.columns[column].count) { max($0, $1[column].count) }
    }
    func line(_ values: [String]) -> String {
        var text = ""
        for (column, value) in values.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - value.count)
            text += (column == 0 ? "" : "  ")
            text += rows.isNumeric[column] ? padding + value : value + padding
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }
    let rule = line(widths.map { String(repeating: "─", count: $0) })
    let count = rows.count == 1 ? "1 row" : "\(rows.count) rows"
    return line(rows.columns) + rule + cells.map(line).joined() + "(\(count))\n"
}

/// Keeps a cell on its line and its control characters out of the terminal.
private func singleLine(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
}

/// Source: RFC 4180, with LF line ends.
func csvLine(_ values: [String]) -> String {
    values.map { value in
        value.unicodeScalars.contains(where: { ",\"\n\r".unicodeScalars.contains($0) })
            ? "\"" + doubled(value) + "\"" : value
    }.joined(separator: ",") + "\n"
}

func csvLines(_ rows: TextRows) -> String {
    (0..<rows.count).map { row in
        csvLine(rows.columns.indices.map { rows[row, $0] ?? "" })
    }.joined()
}

/// With each quote doubled; by scalars, as one may stand within a character.
private func doubled(_ value: String) -> String {
    var text = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
        if scalar == "\"" { text.append(scalar) }
        text.append(scalar)
    }
    return String(text)
}

/// The objects of an array; numbers stay numbers.
func jsonObjects(_ rows: TextRows) -> [String] {
    (0..<rows.count).map { row in
        let fields = rows.columns.indices.map { "    " + jsonField(rows, row, $0) }
        return "  {\n" + fields.joined(separator: ",\n") + "\n  }"
    }
}

/// An object a line.
func jsonLines(_ rows: TextRows) -> String {
    (0..<rows.count).map { row in
        "{" + rows.columns.indices.map { jsonField(rows, row, $0) }.joined(separator: ", ") + "}\n"
    }.joined()
}

private func jsonField(_ rows: TextRows, _ row: Int, _ column: Int) -> String {
    let value = rows[row, column].map { text in
        // PostgreSQL's NaN and infinities are no JSON numbers.
        rows.isNumeric[column] && text.last?.isNumber == true ? text : quoted(text)
    }
    return "\(quoted(rows.columns[column])): \(value ?? "null")"
}

private func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A string always encodes.
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
