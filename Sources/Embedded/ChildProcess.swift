import CSpawn
import Foundation

/// A program that we start. Unlike Foundation's `Process` it hands no descriptor of ours down,
/// so that a server which outlives its starter does not keep the starter waiting.
public final class ChildProcess: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let pid: pid_t

    /// Starts a program found in PATH, in the root folder, without input; its output goes to a
    /// file.
    public init(_ arguments: [String], output: String = "/dev/null") throws {
        let copies = arguments.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        var child: pid_t = 0
        let code = circles_spawn(&child, copies + [nil], output)
        guard code == 0 else {
            throw Failure(description: "\(arguments[0]): \(String(cString: strerror(code)))")
        }
        pid = child
    }

    /// Waits for its end.
    ///
    /// - Returns: the exit status, or 128 and the signal's number.
    @discardableResult
    public func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return -1 }
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// Whether it is still there; an ended one is reaped.
    public var isRunning: Bool {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == 0
    }

    public func terminate() {
        kill(pid, SIGTERM)
    }

    /// Runs a program to its end.
    public static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let file = NSTemporaryDirectory() + "/circles-run-\(UUID().uuidString)"
        defer { unlink(file) }
        let status = try ChildProcess(arguments, output: file).wait()
        return (status, (try? String(contentsOfFile: file, encoding: .utf8)) ?? "")
    }
}
