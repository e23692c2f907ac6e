import Database
import Domain
import Embedded
import Foundation
import Synchronization

/// One PostgreSQL cluster for the test process, and a fresh database for each test that asks.
public enum TestCluster {
    private struct Running {
        let url: String
        let postgres: EmbeddedPostgres
    }

    /// Started on first use; stopped and removed when the process ends.
    private static let running: Result<Running, any Error> = Result {
        let home = "/tmp/circles-tests-\(getpid())"
        let postgres = try EmbeddedPostgres(home: home)
        let url = try postgres.start(isDurable: false)
        atexit {
            // The process ends: what cannot be cleaned up stays in /tmp.
            let postgres = try? TestCluster.running.get().postgres
            try? postgres?.stop()
            // Hundreds of thousands of files: nobody waits until they are gone.
            let remove = Process()
            remove.executableURL = URL(fileURLWithPath: "/bin/rm")
            remove.arguments = ["-rf", "/tmp/circles-tests-\(getpid())"]
            // Who reads what we print would wait for it as well.
            remove.standardOutput = FileHandle.nullDevice
            remove.standardError = FileHandle.nullDevice
            try? remove.run()
        }
        try migrate(url)
        return Running(url: url, postgres: postgres)
    }

    private static let count = Atomic<Int>(0)
    /// `create database` copies the template, which nobody may use meanwhile.
    private static let creation = Mutex(())

    /// The `sql` folder of this checkout.
    public static let sqlDirectory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("sql").path

    /// Makes a database with the current schema.
    ///
    /// - Returns: its URL.
    public static func makeDatabase() throws -> String {
        let running = try running.get()
        let name = "test_\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
        try creation.withLock { _ in
            try administer(running.url, "create database \(name) template circles")
        }
        return running.url.replacingOccurrences(of: "dbname=circles", with: "dbname=\(name)")
    }

    /// Makes a database without any schema.
    public static func makeEmptyDatabase() throws -> String {
        let running = try running.get()
        let name = "empty_\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
        try administer(running.url, "create database \(name) template template0")
        return running.url.replacingOccurrences(of: "dbname=circles", with: "dbname=\(name)")
    }

    private static func administer(_ url: String, _ statement: String) throws {
        let url = url.replacingOccurrences(of: "dbname=circles", with: "dbname=postgres")
        try Connection(url: url, applicationName: "tests").script(statement)
    }

    private static func migrate(_ url: String) throws {
        let connection = try Connection(url: url, applicationName: "tests")
        _ = try Migrator(sqlDirectory: sqlDirectory).run(
            on: connection, today: SystemWallClock().now())
    }
}
