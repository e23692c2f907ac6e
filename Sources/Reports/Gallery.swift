import Database
import Domain
import Foundation

/// All reports as files that link to each other.
public struct Gallery {
    let reports: [Report]

    public init(reports: [Report]) {
        self.reports = reports
    }

    /// Writes `index.html` and a page for each report into a folder, which is made.
    @available(*, noasync)
    public func write(
        to directory: String, from: Timestamp?, to end: Timestamp?, connection: Connection
    ) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        var items = ""
        for report in reports {
            var page = ""
            let count = try report.write(
                as: .html, from: from, to: end, connection: connection
            ) { page += $0 }
            try Data(page.utf8).write(
                to: URL(fileURLWithPath: "\(directory)/\(report.name).html"))
            items += """
                <li><a href="\(report.name).html">\(escaped(report.name))</a>
                (\(count)): \(escaped(report.summary))</li>

                """
        }
        let index = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Reports</title>
            <style>body { font: 14px/1.6 system-ui, sans-serif; margin: 2rem }</style>
            </head>
            <body>
            <h1>Reports</h1>
            <ul>
            \(items)</ul>
            </body>
            </html>

            """
        try Data(index.utf8).write(to: URL(fileURLWithPath: "\(directory)/index.html"))
    }
}
