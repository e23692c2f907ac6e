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
public func freePort() throws -> Int {
    try withSocket { descriptor in
        var own = address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw EmbeddedMailbox.Failure(description: "no free port") }
        return Int(in_port_t(bigEndian: own.sin_port))
    }
}

private func canConnect(port: Int) -> Bool {
    withSocket { descriptor in
        var target = address(port: port)
        return withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
