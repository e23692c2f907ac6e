import ArgumentParser
import BlockingThread
import Database
import Domain
import Embedded
import Foundation
import Reports

struct ReportBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "Every report at growing histories, beside raw history in PostgreSQL and chDB.",
        discussion: """
            Seeds a fresh cluster with `circles seed-history`, reads each report as `circles \
            report` does over its usual stretch of days, then asks the same of raw events: \
            PostgreSQL, and chDB over an export. Rows must be equal. --home keeps a cluster for \
            another run.
            """)

    @Option(help: "Sizes of history in events, with commas between.")
    var events = "1000000,10000000"

    @Option(help: "Reads of each report.")
    var runs = 11

    @Option(help: "Seconds after which a question to raw history in PostgreSQL is given up.")
    var patience = 120

    @Option(help: "Where clusters stay; by default they are removed at the end.")
    var home: String?

    @Flag(help: "Read the reports only.")
    var reportsOnly = false

    func validate() throws {
        guard !sizes.isEmpty, sizes.allSatisfy({ (1000...1_000_000_000).contains($0) }) else {
            throw ValidationError("--events must be numbers from 1000 to 1000000000")
        }
        guard runs > 0, patience > 0 else {
            throw ValidationError("--runs and --patience must be above 0")
        }
    }

    private var sizes: [Int] {
        events.split(separator: ",").map { Int($0) ?? 0 }
    }

    func run() async throws {
        let settings = (sizes: sizes, runs: runs, patience: patience, only: reportsOnly)
        let home = home ?? "/tmp/circles-bench-\(getpid())"
        let keeps = self.home != nil
        try await BlockingThread.run(name: "bench") {
            defer {
                // a folder in /tmp that stays harms nobody
                if !keeps { try? FileManager.default.removeItem(atPath: home) }
            }
            var columns: [ReportBenchRun.Column] = []
            for size in settings.sizes {
                let run = ReportBenchRun(
                    home: "\(home)/\(size)", eventCount: size, runCount: settings.runs,
                    patienceSeconds: settings.patience, asksRaw: !settings.only)
                columns.append(try run.measure())
            }
            print(ReportBenchRun.table(columns))
        }
    }
}
