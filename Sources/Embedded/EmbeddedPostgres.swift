import Foundation

/// A PostgreSQL cluster of our own, in a folder of our own: what `up`, `demo` and the tests run
/// on when no DATABASE_URL is given.
///
/// PostgreSQL refuses to run as root; for root it runs as the user `postgres`.
public struct EmbeddedPostgres: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// The cluster's folder; its socket folder is reachable by its owner (and root) only.
    public let directory: String
    private let socketDirectory: String
    private let binaries: String

    private static let database = "circles"
    private static let searchedVersions = ["17", "16", "15", "14"]

    /// - Parameter home: where it may keep its files. Root's own folders are out of the reach of
    ///   the user `postgres`; then /var/lib/circles takes their place.
    public init(home: String) throws {
        binaries = try Self.findBinaries()
        var parent = URL(fileURLWithPath: home).standardizedFileURL.path
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: true)
        if Self.isRoot, try Self.run(["test", "-x", parent], asOwner: true).status != 0 {
            parent = "/var/lib/circles/" + Self.shortHash(parent)
            try FileManager.default.createDirectory(
                atPath: parent, withIntermediateDirectories: true)
        }
        directory = parent + "/postgres"
        // A socket's path may have 107 bytes.
        let near = directory + "/socket"
        socketDirectory =
            near.utf8.count <= 80 ? near : "/tmp/circles-" + Self.shortHash(directory)
    }

    /// Starts the cluster, making it first if it is not there; takes over one that runs already.
    ///
    /// - Parameter isDurable: `false` trades safety against a power cut for speed, for tests.
    /// - Returns: the URL of database `circles`.
    public func start(isDurable: Bool = true) throws -> String {
        try makeOwned(directory)
        try makeOwned(socketDirectory)
        if !FileManager.default.fileExists(atPath: directory + "/data/PG_VERSION") {
            try check(
                Self.run(
                    [
                        binaries + "/initdb", "-D", directory + "/data", "-U", "circles",
                        "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions",
                    ], asOwner: true), "initdb")
        }
        if try Self.run(controlArguments(["status"]), asOwner: true).status != 0 {
            var options = [
                "-c listen_addresses=''", "-c unix_socket_directories='\(socketDirectory)'",
                "-c unix_socket_permissions=0700",
                // Tests run many stacks on one cluster.
                "-c max_connections=\(isDurable ? 400 : 1500)",
                "-c shared_buffers=256MB", "-c max_wal_size=2GB",
            ]
            if !isDurable {
                // Without fsync a commit only writes; `synchronous_commit=off` would have it signal
                // the WAL writer instead, which costs more.
                options += ["-c fsync=off", "-c full_page_writes=off"]
            }
            try check(
                Self.run(
                    controlArguments([
                        "-w", "-t", "60", "-l", directory + "/log", "-o",
                        options.joined(separator: " "), "start",
                    ]), asOwner: true), "pg_ctl start (see \(directory)/log)")
        }
        let exists = try Self.run(
            [
                binaries + "/psql", "-h", socketDirectory, "-U", "circles", "-d", "postgres",
                "-Atc", "select 1 from pg_database where datname = '\(Self.database)'",
            ], asOwner: true)
        if exists.output.trimmingCharacters(in: .whitespacesAndNewlines) != "1" {
            try check(
                Self.run(
                    [
                        binaries + "/createdb", "-h", socketDirectory, "-U", "circles",
                        Self.database,
                    ], asOwner: true), "createdb")
        }
        return "host=\(socketDirectory) user=circles dbname=\(Self.database)"
    }

    public func stop() throws {
        try check(
            Self.run(controlArguments(["-m", "fast", "-w", "stop"]), asOwner: true), "pg_ctl stop")
    }

    // MARK: Parts

    private func controlArguments(_ rest: [String]) -> [String] {
        [binaries + "/pg_ctl", "-D", directory + "/data", "-s"] + rest
    }

    private func makeOwned(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        if Self.isRoot {
            try check(Self.run(["chown", "postgres:", path], asOwner: false), "chown")
        }
    }

    private func check(_ result: (status: Int32, output: String), _ what: String) throws {
        guard result.status == 0 else {
            throw Failure(
                description:
                    "\(what) failed: \(result.output.trimmingCharacters(in: .whitespacesAndNewlines))"
            )
        }
    }

    private static var isRoot: Bool { getuid() == 0 }

    private static func findBinaries() throws -> String {
        for version in searchedVersions {
            let path = "/usr/lib/postgresql/\(version)/bin"
            if FileManager.default.isExecutableFile(atPath: path + "/initdb") { return path }
        }
        throw Failure(
            description:
                "PostgreSQL is not installed: run scripts/install-packages.sh, or set DATABASE_URL")
    }

    private static func shortHash(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 36)
    }

    /// Runs a program to its end.
    ///
    /// - Parameter asOwner: as the cluster's owner, who is `postgres` when we are root.
    private static func run(
        _ arguments: [String], asOwner: Bool
    ) throws -> (status: Int32, output: String) {
        try ChildProcess.run(
            asOwner && isRoot ? ["runuser", "-u", "postgres", "--"] + arguments : arguments)
    }
}
