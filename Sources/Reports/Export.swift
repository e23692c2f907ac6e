import Database
import Domain
import Foundation

/// Writes tables into files for a warehouse, one per table and UTC day.
///
/// Each file comes from one statement and is moved into place when it is whole and durable, so that
/// a run that was killed goes on where it stopped. A day that was not over when it was written is
/// written again.
public struct Export: Sendable {
    public enum Failure: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownTable(name: String, known: [String])
        case invertedRange
        case longRange(dayCount: Int64)
        case shortKey(byteCount: Int)
        case unreadable(path: String, reason: String)
        case unwritable(path: String, reason: String)
        case otherExport(path: String, difference: String)

        public var description: String {
            switch self {
            case .unknownTable(let name, let known):
                "'\(name)' cannot be exported; there are: \(known.joined(separator: ", "))"
            case .invertedRange: "--from must be before --to"
            case .longRange(let count):
                "\(count) days are more than \(Export.dayCountMax) in one go"
            case .shortKey(let count):
                "the key has \(count) bytes; \(Pseudonyms.keyByteCountMin) are needed"
            case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
            case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
            case .otherExport(let path, let difference):
                "\(path) holds an export with another \(difference); --force writes it anew"
            }
        }

        /// Whether the command line is at fault, and not the machine.
        public var isMistake: Bool {
            switch self {
            case .unreadable, .unwritable: false
            default: true
            }
        }
    }

    public static let dayCountMax: Int64 = 3660

    private let tables: [ExportTable]
    private let days: [ExportDay]
    private let format: ExportFormat
    private let isCompressed: Bool
    private let pseudonyms: Pseudonyms?
    private let isForced: Bool
    private let directory: String
    private let clock: any WallClock

    /// - Parameters:
    ///   - to: the day after the last.
    ///   - isForced: whether files that are there are written again.
    public init(
        tables: [ExportTable], from: ExportDay, to: ExportDay, format: ExportFormat,
        isCompressed: Bool, pseudonyms: Pseudonyms?, isForced: Bool, directory: String,
        clock: any WallClock
    ) throws(Failure) {
        guard from < to else { throw .invertedRange }
        let count = to.number - from.number
        guard count <= Self.dayCountMax else { throw .longRange(dayCount: count) }
        self.tables = tables
        days = (from.number..<to.number).map { ExportDay(number: $0) }
        self.format = format
        self.isCompressed = isCompressed
        self.pseudonyms = pseudonyms
        self.isForced = isForced
        self.directory = directory
        self.clock = clock
    }

    public struct Outcome: Sendable, Equatable {
        public var writtenCount = 0
        public var skippedCount = 0
        public var rowCount = 0
    }

    /// - Parameter progress: told of each file.
    @available(*, noasync)
    public func run(
        _ connection: Connection, progress: (String) -> Void = { _ in }
    ) throws -> Outcome {
        var outcome = Outcome()
        try pseudonyms?.install(connection)
        for table in tables {
            let folder = directory + "/" + table.name
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw Failure.unwritable(path: folder, reason: error.localizedDescription)
            }
            var manifest = try openManifest(of: table, in: folder)
            let columns = try table.expressions(
                connection, isPseudonymised: pseudonyms != nil)
            for day in days {
                let name = "\(day).\(format.rawValue)" + (isCompressed ? ".gz" : "")
                if !isForced, let known = manifest.files[name], known.isFinal,
                    FileManager.default.fileExists(atPath: "\(folder)/\(name)")
                {
                    outcome.skippedCount += 1
                    continue
                }
                let began = clock.now()
                let file = try write(
                    table.copyStatement(columns, day: day, format: format),
                    to: "\(folder)/\(name)", isFinal: day.end <= began, connection)
                manifest.files[name] = file
                try manifest.save(in: folder)
                outcome.writtenCount += 1
                outcome.rowCount += file.rows
                progress("\(table.name) \(day): \(file.rows) rows")
            }
            // A range that was there already still has its manifest.
            try manifest.save(in: folder)
        }
        return outcome
    }

    private func openManifest(of table: ExportTable, in folder: String) throws -> ExportManifest {
        let new = ExportManifest(
            table: table.name, format: format, isCompressed: isCompressed,
            pseudonyms: pseudonyms.map { $0.isThrownAway ? "thrown away" : $0.fingerprint })
        guard let known = try ExportManifest.load(from: folder) else { return new }
        guard let difference = known.difference(from: new) else { return known }
        guard isForced else {
            throw Failure.otherExport(path: folder, difference: difference)
        }
        return new
    }

    private func write(
        _ statement: String, to path: String, isFinal: Bool, _ connection: Connection
    ) throws -> ExportManifest.File {
        let file = try ExportFile(path: path, isCompressed: isCompressed)
        var lineCount = 0
        let hash: String
        do {
            try connection.copyOut(statement) { line in
                lineCount += 1
                try file.write(line)
            }
            hash = try file.finish()
        } catch {
            file.abandon()
            throw error
        }
        return ExportManifest.File(
            rows: format == .csv ? lineCount - 1 : lineCount, bytes: file.byteCount, sha256: hash,
            isFinal: isFinal)
    }
}
