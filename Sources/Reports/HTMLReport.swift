import Database

/// A report as one file that needs nothing else: charts of its numbers over its rows, and the table.
struct HTMLReport {
    let title: String
    let summary: String
    let rows: TextRows

    /// So many charts at most, of so many rows at most: the first ones.
    static let chartCountMax = 6
    static let pointCountMax = 2000
    private static let (width, height) = (640.0, 160.0)

    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(title))</title>
        <style>
        body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums }
        th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left }
        td.number, th.number { text-align: right }
        figure { display: inline-block; margin: 0 1rem 1rem 0; break-inside: avoid }
        svg { max-width: 100%; border-bottom: 1px solid #999 }
        thead { display: table-header-group } tr { break-inside: avoid }
        @media print { body { margin: 0; font-size: 9px } }
        </style>
        </head>
        <body>
        <h1>\(escaped(title))</h1>
        <p>\(escaped(summary))</p>
        \(charts)
        <table>
        <thead><tr>\(head)</tr></thead>
        <tbody>
        \(body)</tbody>
        </table>
        <p>\(rows.count == 1 ? "1 row" : "\(rows.count) rows")</p>
        </body>
        </html>

        """
    }

    private func kind(_ column: Int) -> String { rows.isNumeric[column] ? " class=\"number\"" : "" }

    private var head: String {
        rows.columns.indices.map { "<th\(kind($0))>\(escaped(rows.columns[$0]))</th>" }.joined()
    }

    private var body: String {
        (0..<rows.count).map { row in
            "<tr>"
                + rows.columns.indices.map {
                    "<td\(kind($0))>\(escaped(rows[row, $0] ?? ""))</td>"
                }.joined() + "</tr>\n"
        }.joined()
    }

    private var charts: String {
        guard rows.count > 1 else { return "" }
        return rows.columns.indices.filter { rows.isNumeric[$0] }.prefix(Self.chartCountMax)
            .compactMap(chart).joined(separator: "\n")
    }

    /// A line over the rows in their order; a row without a value breaks it.
    private func chart(_ column: Int) -> String? {
        let count = min(rows.count, Self.pointCountMax)
        let values = (0..<count).map { row in
            rows[row, column].flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
        }
        let known = values.compactMap { $0 }
        guard let low = known.min().map({ min($0, 0) }), let high = known.max() else { return nil }
        let span = high > low ? high - low : 1
        var path = ""
        var isDrawing = false
        for (index, value) in values.enumerated() {
            guard let value else {
                isDrawing = false
                continue
            }
            let x = Double(index) / Double(max(count - 1, 1)) * Self.width
            let y = Self.height - (value - low) / span * (Self.height - 4) - 2
            path += "\(isDrawing ? "L" : "M")\(rounded(x)) \(rounded(y))"
            isDrawing = true
        }
        let name = escaped(rows.columns[column])
        return """
            <figure><figcaption>\(name): \(rounded(low)) to \(rounded(high))</figcaption>
            <svg viewBox="0 0 640 160" width="640" height="160" role="img" aria-label="\(name)">
            <path d="\(path)" fill="none" stroke="#2563eb" stroke-width="1.5"/></svg></figure>
            """
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// Text that is text in HTML, and in a quoted attribute.
func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result.append(contentsOf: "&amp;".unicodeScalars)
        case "<": result.append(contentsOf: "&lt;".unicodeScalars)
        case ">": result.append(contentsOf: "&gt;".unicodeScalars)
        case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
        case "'": result.append(contentsOf: "&#39;".unicodeScalars)
        default: result.append(scalar)
        }
    }
    return String(result)
}
