import Embedded
import Foundation
import Testing

/// Servers of a script in `Tests/Clients`, which prints their ports by name as one line of JSON and
/// runs until it is ended.
final class ScriptedServers: Sendable {
    private let process: ChildProcess
    private let output: String
    private let ports: [String: Int]

    init(_ script: String, _ arguments: [String]) async throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Clients/\(script)").standardized.path
        output = NSTemporaryDirectory() + "circles-servers-\(UUID().uuidString).log"
        process = try ChildProcess(["/usr/bin/python3", path] + arguments, output: output)
        var ports: [String: Int] = [:]
        while ports.isEmpty, process.isRunning {
            try await Task.sleep(for: .milliseconds(50))  // a line in a file has no signal
            let first = Self.lines(output).first ?? Data()
            ports = (try? JSONDecoder().decode([String: Int].self, from: first)) ?? [:]
        }
        self.ports = ports
    }

    deinit {
        process.terminate()
        process.wait()
        try? FileManager.default.removeItem(atPath: output)  // what stays is in /tmp
    }

    func port(_ name: String) throws -> Int { try #require(ports[name]) }

    /// What the script has printed since.
    var lines: [Data] { Self.lines(output).dropFirst().map { $0 } }

    private static func lines(_ output: String) -> [Data] {
        (FileManager.default.contents(atPath: output) ?? Data()).split(separator: 0x0A)
            .map { Data($0) }
    }
}
