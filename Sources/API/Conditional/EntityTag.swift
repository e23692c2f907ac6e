import HTTPTypes

/// An entity tag. Source: RFC 9110 §8.8.3.
struct EntityTag: Sendable, Hashable {
    /// Between the quotes.
    let opaque: String
    var isWeak = false

    var description: String { (isWeak ? "W/" : "") + "\"\(opaque)\"" }
}

/// The value of If-Match or If-None-Match. Source: RFC 9110 §13.1.1, §13.1.2.
enum TagCondition: Sendable, Equatable {
    /// `*`.
    case any
    case tags([EntityTag])

    /// Tags that are read; a client has a few.
    private static let tagCountMax = 64

    /// - Parameter values: of all the header's lines.
    /// - Returns: `nil` when they are no list of entity tags.
    init?(_ values: [String]) {
        let text = values.joined(separator: ",")
        var rest = text.utf8[...]
        var tags: [EntityTag] = []
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let separators: (UInt8) -> Bool = { isSpace($0) || $0 == UInt8(ascii: ",") }
        rest = rest.drop(while: separators)
        if rest.first == UInt8(ascii: "*") {
            guard rest.dropFirst().allSatisfy(isSpace) else { return nil }
            self = .any
            return
        }
        while !rest.isEmpty {
            let isWeak = rest.starts(with: Array("W/".utf8))
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
            let opaque = rest.prefix { $0 == 0x21 || (0x23...0x7E).contains($0) || $0 >= 0x80 }
            rest = rest[opaque.endIndex...]
            guard rest.popFirst() == UInt8(ascii: "\""), tags.count < Self.tagCountMax else {
                return nil
            }
            tags.append(EntityTag(opaque: String(decoding: opaque, as: UTF8.self), isWeak: isWeak))
            let blank = rest.prefix(while: isSpace)
            rest = rest[blank.endIndex...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
            rest = rest.drop(while: separators)
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }
}
