import Foundation

/// A local SMTP server (aiosmtpd) that puts every message into a folder: what `up` and `demo`
/// send to when no SMTP_URL is given.
public final class EmbeddedMailbox: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private let process: ChildProcess
    /// A Maildir: one file per message in `new`.
    public let directory: String
    public let url: String

    public init(home: String) throws {
        directory = URL(fileURLWithPath: home + "/mailbox").standardizedFileURL.path
        let port = try freePort()
        url = "smtp://127.0.0.1:\(port)"
        process = try ChildProcess([
            "/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:\(port)", "-c",
            "aiosmtpd.handlers.Mailbox", directory,
        ])
        for _ in 0..<100 {
            if canConnect(port: port) { return }
            guard process.isRunning else { break }
            Thread.sleep(forTimeInterval: 0.1)  // a child's start has no event to wait for
        }
        process.terminate()
        throw Failure(
            description:
                "the mailbox server does not start: is python3-aiosmtpd installed (scripts/install-packages.sh)? Or set SMTP_URL"
        )
    }

    deinit {
        stop()
    }

    public func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.wait()
    }

    /// The messages that have arrived, oldest first.
    public func messages() -> [String] {
        let folder = directory + "/new"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap {
            try? String(contentsOfFile: folder + "/" + $0, encoding: .utf8)
        }
    }
}
