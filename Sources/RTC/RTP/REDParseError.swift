/// Why a payload is no redundant audio payload.
public enum REDParseError: Error, Sendable, Hashable, CaseIterable {
    case empty
    /// A block header reaches beyond the payload.
    case headerOverrun
    /// More redundant blocks than any sender makes.
    case tooManyBlocks
    /// The redundant blocks are longer than the payload.
    case blockOverrun
}
