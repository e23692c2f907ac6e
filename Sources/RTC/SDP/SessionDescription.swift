/// A session description as WebRTC uses it: read leniently within bounds, written plainly.
///
/// Lines that mean nothing to WebRTC are dropped; attributes without a property of their own are
/// kept. Transport attributes of the session level are held in the sections that lack them.
/// Source: RFC 8866; RFC 8829 §5.8; RFC 8839 §5; RFC 8842 §5; RFC 9143 (formerly RFC 8843).
public struct SessionDescription: Sendable, Equatable {
    public static let mediaCountMax = 64

    public var username = "-"
    public var sessionID: UInt64
    /// Rises with each new description of the session.
    public var sessionVersion: UInt64
    public var originAddress = "IN IP4 127.0.0.1"
    public var sessionName = "-"
    /// The writer answers connectivity checks and makes none (RFC 8445 §2.5).
    public var isICELite = false
    /// Identification tags of the sections that share a transport, group by group.
    public var bundleGroups: [[String]] = []
    /// Other attributes of the session level, in order.
    public var attributes: [SDPAttribute] = []
    public var media: [MediaDescription] = []

    public init(sessionID: UInt64, sessionVersion: UInt64) {
        self.sessionID = sessionID
        self.sessionVersion = sessionVersion
    }

    /// Reads a description of at most 64 KiB.
    public init(parsing text: String) throws(SDPParseError) {
        try self.init(parsing: Array(text.utf8.prefix(SDPLine.byteCountMax + 1)))
    }

    /// Reads a description of at most 64 KiB.
    public init(parsing text: [UInt8]) throws(SDPParseError) {
        let lines = try SDPLine.lines(of: text)
        guard let first = lines.first, first.type == UInt8(ascii: "v"), first.value == "0" else {
            throw .missingVersion
        }
        self = try SDPReader.read(lines.dropFirst())
    }

    /// The description with a carriage return and a line feed after each line.
    public var text: String {
        var lines = [
            "v=0", "o=\(username) \(sessionID) \(sessionVersion) \(originAddress)",
            "s=\(sessionName)", "t=0 0",
        ]
        lines += bundleGroups.map { "a=group:BUNDLE" + $0.map { " " + $0 }.joined() }
        if isICELite { lines.append("a=ice-lite") }
        lines += attributes.map(\.line)
        lines += media.flatMap(\.lines)
        return lines.map { $0 + "\r\n" }.joined()
    }

    /// The section with an identification tag.
    public func media(withMID mid: String) -> MediaDescription? {
        media.first { $0.mid == mid }
    }
}
