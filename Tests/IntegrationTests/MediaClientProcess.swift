import BlockingThread
import Embedded
import Foundation
import Synchronization
import TestKit

/// One real WebRTC client of `Tests/Clients` in a process of its own: what it says is read from a
/// file, what it is told goes through a pipe.
final class MediaClientProcess: Sendable {
    enum Program: String, Sendable {
        case aiortc
        case chromium
        case gstreamer
        /// A person in front of the page, not a client of the media alone.
        case page
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let name: String
    private let process: ChildProcess
    private let folder: String
    /// Open for both directions, so that it is there before its reader and breaks with us only.
    private let commands: FileHandle
    private let state = Mutex(State())

    private struct State {
        var facts: [MediaFact] = []
        /// Of the output that has become facts.
        var byteCount = 0
        var hasEnded = false
    }

    private static let checkout = URL(fileURLWithPath: TestCluster.sqlDirectory)
        .deletingLastPathComponent().path
    private static let python = checkout + "/.build/clients/bin/python"

    /// Starts it; facts tell how it goes. `arguments` are those of `Tests/Clients/options.py`.
    init(_ program: Program, _ arguments: [String], name: String) throws {
        guard FileManager.default.isExecutableFile(atPath: Self.python) else {
            throw Failure(description: "no WebRTC clients here: run scripts/install-clients.sh")
        }
        self.name = name
        folder = NSTemporaryDirectory() + "/circles-client-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let pipe = folder + "/commands"
        guard mkfifo(pipe, 0o600) == 0 else { throw Failure(description: "no pipe at \(pipe)") }
        let descriptor = open(pipe, O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure(description: "\(pipe) does not open") }
        commands = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        process = try ChildProcess(
            [
                "sh", "-c", #"exec "$@" <"$0""#, pipe, Self.python,
                "\(Self.checkout)/Tests/Clients/\(program.rawValue)_client.py",
            ] + arguments,
            output: folder + "/output")
    }

    deinit {
        if !state.withLock({ $0.hasEnded }) {
            kill(process.pid, SIGKILL)
            process.wait()
        }
        try? FileManager.default.removeItem(atPath: folder)  // in the temporary folder anyway
    }

    /// Everything said so far.
    var facts: [MediaFact] {
        state.withLock { state in
            guard let output = FileHandle(forReadingAtPath: folder + "/output") else { return [] }
            defer { try? output.close() }  // only read from
            guard (try? output.seek(toOffset: UInt64(state.byteCount))) != nil,
                let data = try? output.readToEnd(),
                let end = data.lastIndex(of: UInt8(ascii: "\n"))
            else { return state.facts }
            state.byteCount += data.distance(from: data.startIndex, to: end) + 1
            // A line that is no fact is a warning on standard error.
            state.facts += data[..<end].split(separator: UInt8(ascii: "\n")).compactMap {
                try? JSONDecoder().decode(MediaFact.self, from: Data($0))
            }
            return state.facts
        }
    }

    /// Waits for a fact, among those after the first `count`: a program's output has no other
    /// signal.
    @discardableResult
    func wait(
        for what: String, after count: Int = 0, _ condition: @Sendable (MediaFact) -> Bool
    ) async throws -> MediaFact {
        for _ in 0..<3000 {
            if let fact = facts.dropFirst(count).first(where: condition) { return fact }
            if let fact = facts.first(where: { ["refused", "failed"].contains($0.event) }) {
                throw Failure(description: "\(name): no \(what): \(fact)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure(description: "\(name): not in a minute: \(what)\n\(tail)")
    }

    @discardableResult
    func waitUntilConnected() async throws -> MediaFact {
        try await wait(for: "connection") { $0.event == "connected" }
    }

    /// Waits until a tone is heard, on any section unless told, within 5 Hz.
    @discardableResult
    func waitUntilHeard(
        _ hz: Double, on mid: String? = nil, after count: Int = 0
    ) async throws -> MediaFact {
        try await wait(for: "\(hz) Hz", after: count) {
            $0.isTone(hz) && (mid == nil || $0.mid == mid)
        }
    }

    /// Waits until a section falls silent after a number of facts.
    ///
    /// - Returns: when, in seconds of the monotonic clock.
    func waitUntilSilent(after count: Int) async throws -> Double {
        try await wait(for: "silence", after: count) { $0.event == "heard" && $0.hz == nil }.t
    }

    /// What it says to a command: the next fact of that name.
    func ask(_ command: String, for event: String) async throws -> MediaFact {
        let count = facts.count
        send(command)
        return try await wait(for: event, after: count) { $0.event == event }
    }

    func send(_ command: String) {
        // A pipe that nobody reads holds far more than the few words that a test says.
        try? commands.write(contentsOf: Data((command + "\n").utf8))
    }

    /// Asks it to leave and waits for its end.
    ///
    /// - Returns: the exit status: 0 when all went well.
    @discardableResult
    func quit() async throws -> Int32 {
        send("quit")
        return try await end()
    }

    /// Ends it without a word to anyone.
    func vanish() async throws {
        send("vanish")
        _ = try await end()
    }

    /// Waits for its end; what hangs for half a minute is killed.
    @discardableResult
    func end() async throws -> Int32 {
        for _ in 0..<600 {
            if hasExited { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        if !hasExited { kill(process.pid, SIGKILL) }
        let process = process
        let status = try await BlockingThread.run(name: "client") { process.wait() }
        state.withLock { $0.hasEnded = true }
        return status
    }

    /// Ended and not yet reaped.
    private var hasExited: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(process.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0
            || info._sifields._kill.si_pid != 0
    }

    /// The end of its output, for a failure's text.
    private var tail: String {
        let text = (try? String(contentsOfFile: folder + "/output", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }
}
