import Domain

enum CoverEntity {}

/// A cover's name in storage and in URLs: an id of ours and its type's extension. No text of a
/// client's is ever part of a path: it is read into this, or refused.
struct CoverName: Hashable, Sendable, CustomStringConvertible {
    let id: Identifier<CoverEntity>
    let type: ImageType

    init(id: Identifier<CoverEntity>, type: ImageType) {
        self.id = id
        self.type = type
    }

    /// - Returns: `nil` for anything but the exact text of a name, percent-encoding included.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let id = Identifier<CoverEntity>(parts[0]),
            let type = ImageType.allCases.first(where: { $0.fileExtension == parts[1] }),
            id.description == parts[0]
        else { return nil }
        self.init(id: id, type: type)
    }

    var description: String { "\(id).\(type.fileExtension)" }
}
