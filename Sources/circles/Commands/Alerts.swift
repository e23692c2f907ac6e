import ArgumentParser
import BlockingThread
import Database
import Domain
import Foundation
import Jobs
import Reports

struct Alerts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show incidents, test who is told of them.",
        discussion: "docs/runbook.md says what each rule means and what to do.",
        subcommands: [List.self, Test.self, Check.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List open incidents and those of the last days.")

        @Option(help: "How many days back, 1 to 3650.")
        var days: Int64 = 1

        @Flag(help: "Only what is open.")
        var open = false

        func validate() throws {
            guard (1...3650).contains(days) else {
                throw ValidationError("--days must be from 1 to 3650")
            }
        }

        func run() async throws {
            let stack = try Runtime.stack()
            try await stack.requireCurrentSchema()
            let (url, since) = (
                stack.databaseURL, stack.clock.now().adding(seconds: -days * 86_400)
            )
            let onlyOpen = open
            let text = try await BlockingThread.run(name: "alerts") {
                let connection = try Connection(url: url, applicationName: "circles-alerts")
                let rows = try connection.queryText(
                    """
                    select incident_id, rule, severity, opened_at, cleared_at, clear_reason, cause, told
                    from reports.incidents
                    where is_open or opened_at >= \(since) and not \(onlyOpen)
                    order by opened_at, incident_id
                    """)
                return ReportFormat.table.render(rows)
            }
            FileHandle.standardOutput.write(Data(text.utf8))
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a page and its end to each receiver and say what came of it.",
            discussion: "Exits with 1 when one did not take both.")

        func run() async throws {
            let settings = try Runtime.settings()
            let stack = Stack(settings: settings, databaseURL: "", registry: Runtime.registry)
            let (clock, runbookURL) = (stack.clock, try settings.alerts().runbookURL)
            let key = "test:\(EventID(now: clock.now()))"
            var isWell = true
            for receiver in try stack.alertReceivers() {
                for action in [AlertNotice.Action.trigger, .resolve] {
                    let now = clock.now()
                    let answer = await receiver.send(
                        .test(action, key: key, at: now, runbookURL: runbookURL), at: now)
                    isWell = isWell && answer == .accepted
                    Runtime.say("\(receiver.name.rawValue)  \(action.rawValue)  \(answer.text)")
                }
            }
            guard isWell else { throw ExitCode.failure }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Evaluate every rule and tell what is to be told, once, now.",
            discussion: "What `circles jobs` does all the time; safe beside it.")

        func run() async throws {
            let stack = try Runtime.stack()
            try await stack.requireCurrentSchema()
            let pool = stack.pool("alerts", as: .jobs)
            defer { pool.close() }
            for job in try stack.alertJobs(pool: pool) {
                let result = try await job.run(at: stack.clock.now())
                Runtime.say("\(job.name)  \(result.count)  \(result.detail)")
            }
        }
    }
}

extension AlertAnswer {
    /// For a person.
    fileprivate var text: String {
        switch self {
        case .accepted: "accepted"
        case .refused(let why): "refused: \(why)"
        case .later(let why, _): "not taken now: \(why)"
        case .unknown(let why): "unknown: \(why)"
        }
    }
}
