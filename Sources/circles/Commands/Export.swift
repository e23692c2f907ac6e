import ArgumentParser
import BlockingThread
import Database
import Domain
import Foundation
import Reports

extension ExportFormat: ExpressibleByArgument {}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write tables into files for a warehouse, one per UTC day.",
        discussion: """
            Files come into OUT/TABLE with a manifest.json of their rows and SHA-256. A run that \
            was cut short goes on where it stopped. docs/warehouse.md loads them.
            """)

    @Option(help: "Which table; may be given more than once.")
    var table: [String]

    @Option(help: "The first UTC day, such as 2026-11-23.")
    var from: String

    @Option(help: "The day after the last.")
    var to: String

    @Option(help: "csv or ndjson.")
    var format: ExportFormat = .csv

    @Option(help: "The folder to write into.")
    var out: String

    @Flag(help: "Compress each file.")
    var gzip = false

    @OptionGroup
    var pseudonymOptions: PseudonymOptions

    @Flag(help: "Write files again that are there.")
    var force = false

    func validate() throws {
        guard !table.isEmpty else { throw ValidationError("name a --table") }
    }

    func run() async throws {
        do {
            try await export()
        } catch let failure as Export.Failure where failure.isMistake {
            throw ValidationError(failure.description)
        }
    }

    private func export() async throws {
        let export = try Export(
            tables: try table.map { name in try ExportTable.named(name) },
            from: try day(from, "--from"), to: try day(to, "--to"), format: format,
            isCompressed: gzip, pseudonyms: try pseudonymOptions.pseudonyms(), isForced: force,
            directory: out,
            clock: SystemWallClock())
        let url = try Runtime.settings().databaseURL()
        let outcome = try await BlockingThread.run(name: "export") {
            let connection = try Connection(
                url: url, applicationName: "circles-export",
                // A day may take longer than a question of an analyst.
                settings: [("statement_timeout", "0")])
            return try export.run(connection) { Runtime.progress("export: \($0)") }
        }
        Runtime.endProgress()
        Runtime.say(
            "\(outcome.writtenCount) files written with \(outcome.rowCount) rows, "
                + "\(outcome.skippedCount) were there")
    }

    private func day(_ text: String, _ option: String) throws -> ExportDay {
        guard let day = ExportDay(text) else {
            throw ValidationError("\(option) must be a date such as 2026-11-23")
        }
        return day
    }
}

/// Who is called what in what leaves the database.
struct PseudonymOptions: ParsableArguments {
    @Flag(help: "Put pseudonyms in place of uids, and leave out what names people otherwise.")
    var pseudonymise = false

    @Option(help: "The file with the key of the pseudonyms; without it the key is thrown away.")
    var keyFile: String?

    func validate() throws {
        guard keyFile == nil || pseudonymise else {
            throw ValidationError("--key-file belongs to --pseudonymise")
        }
    }

    func pseudonyms() throws -> Pseudonyms? {
        guard pseudonymise else { return nil }
        guard let keyFile else { return Pseudonyms() }
        guard let key = FileManager.default.contents(atPath: keyFile) else {
            throw ValidationError("\(keyFile): no such file, or not ours to read")
        }
        do {
            return try Pseudonyms(key: Array(key))
        } catch {
            throw ValidationError(error.description)
        }
    }
}
