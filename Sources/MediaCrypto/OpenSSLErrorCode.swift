internal import COpenSSL

/// A packed error code of OpenSSL, with its text. 0 when OpenSSL gave none.
public struct OpenSSLErrorCode: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt

    init(_ rawValue: UInt) {
        self.rawValue = rawValue
    }

    /// OpenSSL's short reason, such as `no shared cipher`, or the number.
    public var description: String {
        guard let reason = circles_openssl_reason(rawValue) else {
            return "OpenSSL error \(rawValue)"
        }
        return String(cString: reason)
    }
}
