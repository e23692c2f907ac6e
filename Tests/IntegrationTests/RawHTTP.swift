import BlockingThread
import Foundation

/// A TCP connection that says exactly what a test wants. One task uses it; its calls block a
/// thread of their own.
final class RawHTTP: @unchecked Sendable {
    // @unchecked: one task uses it.
    private let descriptor: Int32

    struct Failure: Error {
        let operation: String
        let code = errno
    }

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(operation: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(operation: "connect") }
    }

    deinit {
        close(descriptor)
    }

    /// Sends as much as the other side takes; one that has closed takes no more.
    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await BlockingThread.run(name: "raw-send") { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Foundation.send(
                        descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Tells the server that nothing more comes.
    func finish() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What comes until the server closes, or until `isEnough`.
    ///
    /// - Throws: after 30 seconds without a byte: the server holds the connection open.
    func receive(
        until isEnough: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> String {
        try await BlockingThread.run(name: "raw-receive") { [descriptor] in
            var timeout = timeval(tv_sec: 30, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout,
                socklen_t(MemoryLayout<timeval>.size))
            var (received, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count == 0 || count < 0 && errno == ECONNRESET { break }
                guard count > 0 else { throw Failure(operation: "receive") }
                received += buffer.prefix(count)
                if isEnough(String(decoding: received, as: UTF8.self)) { break }
            }
            return String(decoding: received, as: UTF8.self)
        }
    }

    /// One whole exchange on a connection of its own.
    static func exchange(_ text: String, port: Int) async throws -> String {
        let connection = try RawHTTP(port: port)
        try await connection.send(text)
        return try await connection.receive()
    }
}

/// The status of an answer's first line; `nil` when the connection ended without one.
func status(of answer: String) -> Int? {
    guard answer.hasPrefix("HTTP/1.1 ") else { return nil }
    return Int(answer.dropFirst(9).prefix(3))
}
