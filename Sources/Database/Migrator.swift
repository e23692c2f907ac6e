import Domain
import Foundation

/// Brings a database to the schema in `sql/`: numbered migrations, forward only, each applied
/// once; then the report views, each replaced when its file changed.
public struct Migrator {
    /// A migration or report that does not fit what the database has.
    public enum Failure: Error, Sendable, CustomStringConvertible {
        case noFiles(path: String)
        case badName(file: String)
        case changed(file: String)
        case missing(version: Int64, name: String)

        public var description: String {
            switch self {
            case .noFiles(let path): "no migrations in \(path)"
            case .badName(let file):
                "\(file) is not named NNNN_verb_object.sql, or its number is taken"
            case .changed(let file): "\(file) was changed after it was applied"
            case .missing(let version, let name):
                "the database has migration \(version) (\(name)), which this version lacks"
            }
        }
    }

    private struct File {
        let version: Int64
        let name: String
        let text: String
    }

    private let migrations: [File]
    private let reports: [File]

    /// Reads the files.
    ///
    /// - Parameter directory: the folder that holds `migrations` and `reports`.
    public init(sqlDirectory directory: String) throws {
        migrations = try Self.files(in: directory + "/migrations").map { name, text in
            let digits = name.prefix { $0.isNumber }
            guard digits.count == 4, let version = Int64(digits), name.dropFirst(4).first == "_"
            else { throw Failure.badName(file: name) }
            return File(version: version, name: name, text: text)
        }
        guard !migrations.isEmpty else { throw Failure.noFiles(path: directory + "/migrations") }
        for (file, next) in zip(migrations, migrations.dropFirst())
        where next.version == file.version {
            throw Failure.badName(file: next.name)
        }
        reports = try Self.files(in: directory + "/reports").map {
            File(version: 0, name: $0.name, text: $0.text)
        }
    }

    private static func files(in path: String) throws -> [(name: String, text: String)] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return []
        }
        return try names.filter { $0.hasSuffix(".sql") }.sorted().map { name in
            (name, try String(contentsOfFile: path + "/" + name, encoding: .utf8))
        }
    }

    /// The names of the migrations that the database lacks.
    @available(*, noasync)
    public func missing(on connection: Connection) throws -> [String] {
        let isNew = try connection.query(
            "select to_regclass('schema_migrations') is null")[0].get(0, as: Bool.self)
        if isNew { return migrations.map(\.name) }
        let stored = try connection.query("select version from schema_migrations").map {
            try $0.get(0, as: Int64.self)
        }
        return migrations.filter { !stored.contains($0.version) }.map(\.name)
    }

    /// Applies what is missing. Safe to run again and from several processes at once: they queue
    /// on an advisory lock.
    ///
    /// - Returns: the names of the files applied now.
    @available(*, noasync)
    public func run(on connection: Connection, today: Timestamp) throws -> [String] {
        try connection.query("select pg_advisory_lock(hashtext('circles.migrate'))")
        defer {
            // A session that cannot unlock is dead, and its locks went with it.
            _ = try? connection.query("select pg_advisory_unlock(hashtext('circles.migrate'))")
        }
        try connection.script(
            """
            create table if not exists schema_migrations (
                version bigint constraint schema_migrations_pk primary key,
                name text not null,
                checksum text not null,
                applied_at timestamptz not null default now()
            );
            create table if not exists report_definitions (
                name text constraint report_definitions_pk primary key,
                checksum text not null,
                applied_at timestamptz not null default now()
            );
            """)
        var applied = try applyMigrations(connection)
        applied += try applyReports(connection)
        // Three weeks of history partitions ahead; Ingest makes any other day it meets.
        try connection.transaction {
            _ = try connection.query(
                """
                select ensure_history_partitions(
                    'events', (\(today) at time zone 'UTC')::date - 1, 23
                )
                """)
        }
        return applied
    }

    private func applyMigrations(_ connection: Connection) throws -> [String] {
        var stored: [Int64: (name: String, checksum: String)] = [:]
        for row in try connection.query(
            "select version, name, checksum from schema_migrations order by version"
        ).map({ $0 }) {
            stored[try row.get(0)] = (try row.get(1), try row.get(2))
        }
        for (version, migration) in stored.sorted(by: { $0.key < $1.key })
        where !migrations.contains(where: { $0.version == version }) {
            throw Failure.missing(version: version, name: migration.name)
        }
        var applied: [String] = []
        for file in migrations {
            let checksum = try self.checksum(of: file, connection)
            if let known = stored[file.version] {
                guard known.checksum == checksum else { throw Failure.changed(file: file.name) }
                continue
            }
            try connection.transaction {
                try connection.script(file.text)
                try connection.query(
                    """
                    insert into schema_migrations (version, name, checksum)
                    values (\(file.version), \(file.name), \(checksum))
                    """)
            }
            applied.append(file.name)
        }
        return applied
    }

    private func applyReports(_ connection: Connection) throws -> [String] {
        var applied: [String] = []
        for file in reports {
            let checksum = try self.checksum(of: file, connection)
            let isCurrent =
                try connection.query(
                    """
                    select 1::int8 from report_definitions
                    where name = \(file.name) and checksum = \(checksum)
                    """
                ).count > 0
            if isCurrent { continue }
            try connection.transaction {
                try connection.script(file.text)
                try connection.query(
                    """
                    insert into report_definitions (name, checksum)
                    values (\(file.name), \(checksum))
                    on conflict (name) do update
                    set checksum = excluded.checksum, applied_at = now()
                    """)
            }
            applied.append(file.name)
        }
        return applied
    }

    private func checksum(of file: File, _ connection: Connection) throws -> String {
        try connection.query(
            "select encode(sha256(\(Bytes(Array(file.text.utf8)))), 'hex')")[0].get(0)
    }
}
