import Domain
import Foundation
import Logging

/// Writes pushes into a file instead of sending them, a JSON object a line: what runs without
/// Firebase shows there what its users would see.
public actor PushLog: PushSender {
    /// Past this the file begins anew; the former one stays beside it as `….1`.
    private static let byteCountMax: UInt64 = 10_000_000

    /// Where it writes.
    public nonisolated let path: String
    private let clock: any WallClock
    private let logger: Logger

    public init(path: String, clock: any WallClock, logger: Logger) {
        self.path = path
        self.clock = clock
        self.logger = logger
    }

    private struct Line: Encodable {
        let at: Timestamp
        let type: String
        let circleId: String
        let uid: String
        let deviceId: String
        let title: String
        let body: String
        let deepLink: String
    }

    public func send(_ push: Push, to target: PushTarget) -> PushOutcome {
        do {
            try append(
                Line(
                    at: clock.now(), type: push.type, circleId: "\(push.circleID)",
                    uid: target.uid, deviceId: target.deviceID, title: push.title,
                    body: push.body, deepLink: push.deepLink))
        } catch {
            return .retry(reason: "\(path) cannot be written", waitMilliseconds: nil)
        }
        logger.info(
            "push, written to a file only",
            metadata: [
                "type": "\(push.type)", "circle": "\(push.circleID)", "uid": "\(target.uid)",
            ])
        return .sent(messageName: "log")
    }

    private func append(_ line: Line) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = try encoder.encode(line)
        bytes.append(UInt8(ascii: "\n"))
        let files = FileManager.default
        let url = URL(fileURLWithPath: path)
        try files.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !files.fileExists(atPath: path) {
            // Titles of secret circles are for nobody else on this machine.
            guard
                files.createFile(
                    atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            else { throw CocoaError(.fileWriteUnknown) }
        }
        let file = try FileHandle(forWritingTo: url)
        defer { try? file.close() }  // nothing is buffered
        let end = try file.seekToEnd()
        try file.write(contentsOf: bytes)
        guard end > Self.byteCountMax else { return }
        // What cannot be moved goes on growing until it can.
        try? files.removeItem(atPath: path + ".1")
        try? files.moveItem(atPath: path, toPath: path + ".1")
    }
}
