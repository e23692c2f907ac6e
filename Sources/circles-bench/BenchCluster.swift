import Dispatch
import Embedded
import Foundation
import Synchronization

/// A PostgreSQL cluster for one benchmark, in a folder that goes with it, however it ends.
enum BenchCluster {
    /// - Parameter isDurable: see `EmbeddedPostgres.start`.
    /// - Returns: what `body` returns, which gets the database's URL and the folder.
    static func run<Result>(
        isDurable: Bool = true, _ body: (_ url: String, _ home: String) async throws -> Result
    ) async throws -> Result {
        let home = "/tmp/circles-bench-\(getpid())"
        let postgres = try EmbeddedPostgres(home: home)
        let isRemoved = Mutex(false)
        // `exitCode` ends the process before the benchmark can fail for want of its cluster.
        let remove: @Sendable (_ exitCode: Int32?) -> Void = { exitCode in
            isRemoved.withLock { isRemoved in
                guard !isRemoved else { return }
                isRemoved = true
                try? postgres.stop()  // a cluster in /tmp that stays harms nobody
                try? FileManager.default.removeItem(atPath: home)
                if let exitCode { _exit(exitCode) }
            }
        }
        // The cluster is no child of the terminal: nothing else would end it.
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { remove(128 + number) }
            source.activate()
            return source
        }
        defer { for source in signals { source.cancel() } }
        defer { remove(nil) }
        return try await body(try postgres.start(isDurable: isDurable), home)
    }
}
