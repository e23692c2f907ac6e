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

private func address(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
}

private func withSocket<Result>(_ body: (Int32) throws -> Result) rethrows -> Result {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return try body(descriptor)
}

/// A port of 127.0.0.1 that was free a moment ago.
///
/// It is below those that Linux gives to whoever asks for none in particular (from 32768): in the
/// second that a server needs to start, only one that wants this very number could take it.
public func freePort() throws -> Int {
    for _ in 0..<1000 {
        let port = Int.random(in: 20_000..<32_768)
        let isFree = withSocket { descriptor in
            let own = address(port: port)
            return withUnsafePointer(to: own) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
        if isFree { return port }
    }
    throw EmbeddedMailbox.Failure(description: "no free port")
}

private func canConnect(port: Int) -> Bool {
    withSocket { descriptor in
        let target = address(port: port)
        return withUnsafePointer(to: target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
