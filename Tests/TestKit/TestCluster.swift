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
        let postgres = try EmbeddedPostgres(home: home)
        let url = try postgres.start(isDurable: false)
        atexit {
            // The process ends: what cannot be cleaned up stays.
            let postgres = try? TestCluster.running.get().postgres
            try? postgres?.stop()
            // A hundred thousand files: nobody waits until they are gone.
            let remove = Process()
            remove.executableURL = URL(fileURLWithPath: "/bin/rm")
            remove.arguments = ["-rf", TestCluster.home]
            // Who reads what we print would wait for it as well.
            remove.standardOutput = FileHandle.nullDevice
            remove.standardError = FileHandle.nullDevice
            try? remove.run()
        }
        try migrate(url)
        return Running(url: url, postgres: postgres)
    }

    /// Memory if there is plenty: a database has 700 files, which a disk's file system takes half a
    /// second to make, and memory less than a tenth of one.
    private static let home: String = {
        var memory = statvfs()
        let bytesMin: UInt64 = 8 << 30
        let isRoomy =
            statvfs("/dev/shm", &memory) == 0
            && UInt64(memory.f_bavail) * UInt64(memory.f_frsize) >= bytesMin
        return (isRoomy ? "/dev/shm" : "/tmp") + "/circles-tests-\(getpid())"
    }()

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
