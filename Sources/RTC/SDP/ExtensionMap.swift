/// The number of an RTP header extension.
///
/// Source: RFC 8285 §5.
public struct ExtensionMap: Sendable, Hashable {
    /// 1…4095; one-byte elements reach 14, two-byte ones 255, the rest asks for a number.
    public var id: UInt16
    public var direction: MediaDirection?
    public var uri: String
    /// Extension attributes after the URI.
    public var parameters: String?

    public static let audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    public static let midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"

    public init(
        id: UInt16, direction: MediaDirection? = nil, uri: String, parameters: String? = nil
    ) {
        self.id = id
        self.direction = direction
        self.uri = uri
        self.parameters = parameters
    }

    /// From `1/sendonly urn:… parameters`.
    init?(_ text: Substring) {
        guard let (head, rest) = text.cut(at: " ") else { return nil }
        var number = head
        if let (before, after) = head.cut(at: "/") {
            guard let direction = MediaDirection(rawValue: String(after)) else { return nil }
            self.direction = direction
            number = before
        }
        guard let id = number.number(as: UInt16.self), (1...4095).contains(id) else { return nil }
        self.id = id
        if let (uri, parameters) = rest.cut(at: " ") {
            self.uri = String(uri)
            self.parameters = String(parameters)
        } else {
            uri = String(rest)
        }
        guard !uri.isEmpty else { return nil }
    }

    var text: String {
        "\(id)" + (direction.map { "/\($0.rawValue)" } ?? "") + " \(uri)"
            + (parameters.map { " \($0)" } ?? "")
    }
}
