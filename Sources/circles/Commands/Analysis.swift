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

    @Argument(help: "Which report, or all; --list shows them.")
    var name: String?

    @Flag(help: "List the reports.")
    var list = false

    @Option(help: "Only rows from this time on, RFC 3339 or a UTC date.")
    var from: String?

    @Option(help: "Only rows before this time.")
    var to: String?

    @Option(help: "table, csv, json, ndjson or html.")
    var format: ReportFormat = .table

    @Option(help: "The folder that `report all` writes a page for each report into.")
    var out: String?

    @OptionGroup
    var pseudonymOptions: PseudonymOptions

    func validate() throws {
        guard list || name != nil else { throw ValidationError("name a report, or --list") }
        guard (name == "all") == (out != nil) else {
            throw ValidationError("`report all` and --out DIR belong together")
        }
        let (from, to) = try (time(from, "--from"), time(to, "--to"))
        if let from, let to, from >= to {
            throw ValidationError(Report.Failure.invertedRange.description)
        }
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
        let (from, to) = (try time(from, "--from"), try time(to, "--to"))
        let (url, format, name, out) = (try settings.databaseURL(), format, name ?? "", out)
        let reports = try catalogue(settings.sqlDirectory, named: out == nil ? name : nil)
        let pseudonyms = try pseudonymOptions.pseudonyms()
        let count = try await BlockingThread.run(name: "report") {
            let connection = try Connection(url: url, applicationName: "circles-report")
            let reports = try reports.map { report in
                try pseudonyms.map {
                    try report.pseudonymised(by: $0, connection: connection)
                } ?? report
            }
            guard let out else {
                return try reports[0].write(
                    as: format, from: from, to: to, connection: connection
                ) { try FileHandle.standardOutput.write(contentsOf: Data($0.utf8)) }
            }
            try Gallery(reports: reports).write(to: out, from: from, to: to, connection: connection)
            return reports.count
        }
        if count == 0 {
            FileHandle.standardError.write(Data("\(name): no rows in this range\n".utf8))
        }
    }

    /// - Throws: what ends the program as a mistake of its use does, when there is no such report.
    private func catalogue(_ sqlDirectory: String, named name: String?) throws -> [Report] {
        guard let name else { return try Report.catalogue(sqlDirectory: sqlDirectory) }
        do {
            return [try Report.named(name, sqlDirectory: sqlDirectory)]
        } catch let failure as Report.Failure {
            throw ValidationError(failure.description)
        }
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

    @Flag(help: "Only hold the rollups against their definitions.")
    var rollups = false

    func run() async throws {
        let stack = try Runtime.stack()
        let (keepReplay, rollups) = (keepReplay, rollups)
        let findings = try await BlockingThread.run(name: "verify") {
            rollups ? try stack.verifyRollUps() : try stack.verify(replaysFirst: !keepReplay)
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

    @available(*, noasync)
    func verifyRollUps() throws -> [Verification.Finding] {
        let connection = try Connection(url: databaseURL, applicationName: "circles-verify")
        return try connection.transaction {
            try connection.script("set transaction isolation level repeatable read")
            return try Verification.checkRollUps(connection)
        }
    }
}
