import HTTPTypes
import NIOCore

extension HTTPField.Name {
    static let forwardedFor = Self("X-Forwarded-For")!  // a valid field name
}

/// Tells which client a request comes from.
struct ClientAddress: Sendable {
    let trustedProxies: [NetworkRange]

    func isTrusted(_ address: NetworkAddress) -> Bool {
        trustedProxies.contains { $0.contains(address) }
    }

    /// The connection's peer or, when that is one of our proxies, the last hop before them: the
    /// right-most one in X-Forwarded-For that is not ours. What is left of it is the client's own
    /// word and counts for nothing.
    func address(peer: NetworkAddress, headers: HTTPFields) -> NetworkAddress {
        guard isTrusted(peer) else { return peer }
        var nearest = peer
        for value in headers[values: .forwardedFor].reversed() {
            for entry in value.split(separator: ",", omittingEmptySubsequences: false).reversed() {
                // A hop that cannot be read: the proxy before it is as far as we know.
                guard let hop = Self.hop(entry) else { return nearest }
                guard isTrusted(hop) else { return hop }
                nearest = hop
            }
        }
        return nearest
    }

    /// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`,
    /// `[2001:db8::1]:80`.
    private static func hop(_ entry: Substring) -> NetworkAddress? {
        var text = entry.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return NetworkAddress(text[text.index(after: text.startIndex)..<end])
        }
        if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
            text = text[..<colon]
        }
        return NetworkAddress(text)
    }
}

extension SocketAddress {
    /// `nil` for a Unix socket.
    var networkAddress: NetworkAddress? { ipAddress.flatMap { NetworkAddress($0) } }
}
