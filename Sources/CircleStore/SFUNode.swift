/// A media node that circles can live on.
public struct SFUNode: Sendable, Hashable {
    public let nodeID: String
    /// The base of its signalling, without a slash at its end.
    public let url: String

    public init(nodeID: String, url: String) {
        self.nodeID = nodeID
        self.url = url
    }
}
