/// The stream and track that a section's media belongs to.
///
/// Source: RFC 8830 §2.
public struct MediaStreamID: Sendable, Hashable {
    public var stream: String
    public var track: String?

    public init(stream: String, track: String? = nil) {
        self.stream = stream
        self.track = track
    }

    init?(_ text: Substring) {
        let words = text.words
        guard let stream = words.first, words.count <= 2 else { return nil }
        self.init(stream: String(stream), track: words.dropFirst().first.map { String($0) })
    }

    var text: String { track.map { "\(stream) \($0)" } ?? stream }
}
