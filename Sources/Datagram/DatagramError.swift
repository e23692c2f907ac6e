internal import CLinuxNet
import Glibc

/// A call to the system that failed.
public struct DatagramError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errno.
    public let number: Int32
    /// What was tried, with what: `bind 127.0.0.1:7000`.
    public let operation: String

    init(number: Int32, operation: String) {
        self.number = number
        self.operation = operation
    }

    /// The errno's name, such as `EADDRINUSE`.
    public var code: String {
        circles_errno_name(number).map { String(cString: $0) } ?? "errno \(number)"
    }

    /// Whether the same operation may succeed a little later.
    public var isRetriable: Bool {
        switch number {
        case EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }

    public var description: String { "\(operation): \(code)" }
}
