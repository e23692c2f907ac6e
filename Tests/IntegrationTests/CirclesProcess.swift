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
        // One that is only being loaded dies of it.
        for _ in 0..<1000 where !heedsTermination(process.pid) { usleep(10_000) }
        process.terminate()
        self.process = nil
        return process.wait()
    }

    /// Whether SIGTERM is caught, or ignored as it is for a dispatch source: proc(5).
    private func heedsTermination(_ pid: pid_t) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        return status.split(separator: "\n").contains { line in
            let field = line.split(whereSeparator: \.isWhitespace)
            guard field.count == 2, ["SigCgt:", "SigIgn:"].contains(field[0]) else { return false }
            return (UInt64(field[1], radix: 16) ?? 0) & 1 << (UInt64(SIGTERM) - 1) != 0
        }
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
