import ArgumentParser
import BlockingThread
import Database
import Domain
import Foundation
import Jobs

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the scheduled jobs, or show them.",
        discussion: """
            Several processes may run: each job is done by one of them at a time, and another \
            takes over when it dies.
            """,
        subcommands: [JobsRun.self, JobsStatus.self], defaultSubcommand: JobsRun.self)
}

struct JobsRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the scheduled jobs.")

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        let pool = stack.jobsPool()
        defer { pool.close() }
        try await stack.run(
            try stack.jobsServices(pool: pool) + [stack.metricsService(usualPort: 9465)])
    }
}

struct JobsStatus: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show each job's last and next run, lag and result.")

    @Option(help: "table or json.")
    var format: Format = .table

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        let url = stack.databaseURL
        let jobs = try await BlockingThread.run(name: "status") {
            try JobStatus.all(
                Connection(url: url, applicationName: "circles-jobs-status", role: .jobs))
        }
        switch format {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Runtime.say(String(decoding: try encoder.encode(jobs), as: UTF8.self))
        case .table:
            Runtime.say(Self.table(jobs))
        }
    }

    static func table(_ jobs: [JobStatus]) -> String {
        guard !jobs.isEmpty else { return "No job has run yet: start `circles jobs`." }
        let header = [
            "job", "state", "every", "last run", "took", "next run", "lag", "runs", "failures",
            "result",
        ]
        let rows = jobs.map { job in
            [
                job.name, job.state.rawValue, seconds(job.intervalMilliseconds),
                job.lastStartedAt.map(time) ?? "never", took(job), time(job.nextRunAt),
                job.lagMilliseconds > 0 ? seconds(job.lagMilliseconds) : "-",
                "\(job.runCount)", "\(job.failureCount)", result(job),
            ]
        }
        let widths = header.indices.map { column in
            ([header] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([header] + rows).map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
                .joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func result(_ job: JobStatus) -> String {
        if let error = job.lastError {
            return "failed: " + error.split(whereSeparator: \.isNewline).joined(separator: " ")
        }
        guard let count = job.lastCount else { return "" }
        let detail = job.lastDetail ?? ""
        return detail.isEmpty ? "\(count)" : detail
    }

    private static func took(_ job: JobStatus) -> String {
        guard let begin = job.lastStartedAt, let end = job.lastFinishedAt, end >= begin else {
            return "-"
        }
        return seconds((end.microseconds - begin.microseconds) / 1000)
    }

    private static func time(_ time: Timestamp) -> String {
        String(Timestamp(seconds: time.microseconds / 1_000_000).description)
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        milliseconds % 1000 == 0
            ? "\(milliseconds / 1000) s" : String(format: "%.3g s", Double(milliseconds) / 1000)
    }
}
