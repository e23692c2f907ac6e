import Embedded
import Foundation
import TestKit

@testable import circles

/// One `circles` process of a test, started and killed as often as the test likes.
final class CirclesProcess: @unchecked Sendable {
    // @unchecked: one test's task uses it.
    private let arguments: [String]
    private let log: String
    private var process: ChildProcess?

    init(
        _ command: String, _ options: [String] = [], environment: [String: String], log: String
    ) {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("circles").path
        // Several run side by side.
        arguments =
            ["env", "METRICS_PORT=0"] + environment.map { "\($0)=\($1)" }.sorted()
            + [
                FileManager.default.isExecutableFile(atPath: program) ? program : Self.built,
                command,
            ] + options
        self.log = log
    }

    /// Where `swift build` puts it, seen from this file.
    private static var built: String {
        URL(fileURLWithPath: TestCluster.sqlDirectory).deletingLastPathComponent()
            .appendingPathComponent(".build/debug/circles").path
    }

    func start() throws {
        process = try ChildProcess(arguments, output: log)
    }

    func kill() {
        guard let process else { return }
        Foundation.kill(process.pid, SIGKILL)
        process.wait()
        self.process = nil
    }

    /// SIGTERM, and its exit status.
    func stop() -> Int32? {
        guard let process else { return nil }
        process.terminate()
        self.process = nil
        return process.wait()
    }

    /// Waits until it ends by itself.
    ///
    /// - Returns: its exit status.
    func wait() -> Int32? {
        guard let process else { return nil }
        self.process = nil
        return process.wait()
    }

    deinit {
        kill()
    }
}
