import Foundation

/// An origin as Content-Security-Policy names it: scheme, host and port.
/// Source: RFC 6454 §6.2.
struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    let description: String

    /// `nil` for what is no http(s) or ws(s) URL, or would not be one plain word in a header.
    init?(of url: String) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["http", "https", "ws", "wss"].contains(scheme), let host = parts.host, !host.isEmpty,
            host.utf8.allSatisfy(Self.isHostByte)
        else { return nil }
        description = "\(scheme)://\(host)" + (parts.port.map { ":\($0)" } ?? "")
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}
