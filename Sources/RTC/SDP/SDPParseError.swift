/// Why a text is no session description, or one larger than any client makes. Lines count from 1.
public enum SDPParseError: Error, Sendable, Hashable {
    /// More than 64 KiB.
    case tooLarge
    /// More than 4096 lines.
    case tooManyLines
    /// More than 64 media sections.
    case tooManyMediaSections
    /// No letter, equals sign and value; or a control character in the value.
    case malformedLine(Int)
    /// The first line is not `v=0`.
    case missingVersion
    /// No `o=` line before the media sections.
    case missingOrigin
    case malformedOrigin(line: Int)
    case malformedMedia(line: Int)
    /// An attribute whose value has another form than its definition says.
    case malformedAttribute(line: Int)
    /// More payload types, sources, candidates or the like in one section than any client has.
    case tooManyValues(line: Int)
    /// Two media sections with one identification tag.
    case duplicateMID
}
