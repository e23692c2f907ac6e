/// Where a side may be reached.
///
/// Source: RFC 8839 §5.1.
public struct ICECandidate: Sendable, Hashable {
    /// The value of the attribute.
    public let text: String
    public let foundation: String
    /// 1 for RTP, 2 for RTCP.
    public let component: UInt16
    /// In lower case: `udp` or `tcp`.
    public let transport: String
    public let priority: UInt32
    /// An IP literal or a name, such as one of multicast DNS.
    public let host: String
    public let port: UInt16
    /// `host`, `srflx`, `prflx` or `relay`.
    public let type: String

    /// From an attribute's value; `nil` if it has another form.
    public init?(_ text: some StringProtocol) {
        let line = Substring(text)
        let words = line.words
        guard words.count >= 8, words[6] == "typ",
            (1...32).contains(words[0].utf8.count),
            let component = words[1].number(as: UInt16.self),
            let priority = words[3].number(as: UInt32.self),
            let port = words[5].number(as: UInt16.self)
        else { return nil }
        self.text = String(line)
        foundation = String(words[0])
        self.component = component
        transport = words[2].lowercased()
        self.priority = priority
        host = String(words[4])
        self.port = port
        type = String(words[7])
    }

    /// A host candidate of ours for UDP; `index` from 0 orders several by preference.
    public init(host: String, port: UInt16, index: Int = 0) {
        // Type preference 126, local preference from the top, component 1 (RFC 8445 §5.1.2.1).
        let local = UInt32(max(0, 65_535 - index))
        let priority = 126 << 24 | local << 8 | 255
        foundation = "\(index + 1)"
        component = 1
        transport = "udp"
        self.priority = priority
        self.host = host
        self.port = port
        type = "host"
        text = "\(index + 1) 1 udp \(priority) \(host) \(port) typ host"
    }

    /// For RTP over UDP at an IP literal; `nil` for names and other transports.
    public var address: TransportAddress? {
        guard transport == "udp", component == 1 else { return nil }
        return TransportAddress(ip: host, port: port)
    }
}
