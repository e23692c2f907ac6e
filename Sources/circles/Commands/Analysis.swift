import ArgumentParser
import BlockingThread
import Database
import Domain
import EventLog
import Foundation
import Ingest
import Reports

extension ReportFormat: ExpressibleByArgument {}

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Print a report.")

    @Argument(help: "Which report; --list shows them.")
    var name: String?

    @Flag(help: "List the reports.")
    var list = false

    @Option(help: "Only rows from this time on, RFC 3339 or a UTC date.")
    var from: String?

    @Option(help: "Only rows before this time.")
    var to: String?

    @Option(help: "table, csv or json.")
    var format: ReportFormat = .table

    func validate() throws {
        guard list || name != nil else { throw ValidationError("name a report, or --list") }
        _ = try (time(from, "--from"), time(to, "--to"))
    }

    private func time(_ text: String?, _ option: String) throws -> Timestamp? {
        guard let text else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw ValidationError(
                "\(option) must be a time such as 2026-11-23T18:00:00Z, or a date")
        }
        return time
    }

    func run() async throws {
        let settings = try Runtime.settings()
        if list {
            for report in try Report.catalogue(sqlDirectory: settings.sqlDirectory) {
                Runtime.say("\(report.name)  \(report.summary)")
            }
            return
        }
        let report = try Report.named(name ?? "", sqlDirectory: settings.sqlDirectory)
        let (from, to) = (try time(from, "--from"), try time(to, "--to"))
        let (url, format) = (try settings.databaseURL(), format)
        let text = try await BlockingThread.run(name: "report") {
            let connection = try Connection(url: url, applicationName: "circles-report")
            return format.render(try report.rows(from: from, to: to, connection: connection))
        }
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Rebuild every ingested table from its events, beside the live ones.",
        discussion: """
            The tables come into schema `replay`; `circles verify --keep-replay` compares them \
            with the live ones, --swap puts them in their place. A replay sends no mail and \
            publishes nothing.
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable {
        case log
        case history
    }

    @Option(
        help:
            "log: Kafka, and stored history for what it no longer holds; history: the events table."
    )
    var from: Source = .history

    @Flag(help: "Put the rebuilt rows in place of the live ones.")
    var swap = false

    func run() async throws {
        let stack = try Runtime.stack()
        let (source, swap) = (from, swap)
        let count = try await BlockingThread.run(name: "replay") {
            let replay = stack.replay()
            let count = try replay.run(from: try source.resolved(stack))
            if swap { try replay.swap() }
            return count
        }
        Runtime.endProgress()
        Runtime.say(
            "\(count) records read; "
                + (swap ? "live tables replaced" : "tables rebuilt in schema replay"))
    }
}

extension ReplayCommand.Source {
    @available(*, noasync)
    func resolved(_ stack: Stack) throws -> Replay.Source {
        guard self == .log else { return .history }
        guard let endpoint = try stack.locator().locate() else {
            throw Environment.Failure(
                name: Setting.kafkaBrokers.name, message: "no embedded broker has run here")
        }
        return .log(endpoint.settings)
    }
}

extension Stack {
    func replay() -> Replay {
        Replay(databaseURL: databaseURL, clock: clock) { count in
            Runtime.progress("replay: \(count) records")
        }
    }
}

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the ingested tables against their events.",
        discussion: """
            Rebuilds them from history and compares a hash per table, then recomputes peaks and \
            minutes in SQL, and accounts for every sequence number. Exits with 1 when anything \
            is off.
            """)

    @Flag(help: "Compare with the replay that is there instead of making one.")
    var keepReplay = false

    func run() async throws {
        let stack = try Runtime.stack()
        let keepReplay = keepReplay
        let findings = try await BlockingThread.run(name: "verify") {
            try stack.verify(replaysFirst: !keepReplay)
        }
        Runtime.endProgress()
        for finding in findings {
            Runtime.say("\(finding.isClean ? "ok  " : "FAIL") \(finding.check): \(finding.detail)")
        }
        if findings.contains(where: { !$0.isClean }) { throw ExitCode.failure }
    }
}

extension Stack {
    @available(*, noasync)
    func verify(replaysFirst: Bool) throws -> [Verification.Finding] {
        if replaysFirst { _ = try replay().run(from: .history) }
        let connection = try Connection(url: databaseURL, applicationName: "circles-verify")
        return try Verification.run(comparesReplay: true, on: connection)
    }
}
