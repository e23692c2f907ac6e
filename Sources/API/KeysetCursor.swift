import Domain
import Foundation
import Tokens

/// The opaque form of a place in a listing that is ordered by a time and an id, latest first:
/// "after the entry with these". It names a place and not a page, so entries that come and go
/// elsewhere neither repeat nor hide any.
///
/// It carries its listing's name: the cursor of one route is none of another. Filters are not in
/// it, for under another filter a place is still a place.
enum KeysetCursor {
    private static let byteCountMax = 128

    static func encode<Entity>(
        _ time: Timestamp, _ id: Identifier<Entity>, of listing: String
    ) -> String {
        Base64URL.encode("\(listing).\(time.microseconds).\(id)".utf8)
    }

    /// - Returns: `nil` for what is no cursor of this listing.
    static func decode<Entity>(
        _ cursor: String, of listing: String
    ) -> (time: Timestamp, id: Identifier<Entity>)? {
        guard cursor.utf8.count <= byteCountMax, let data = Base64URL.decode(cursor) else {
            return nil
        }
        let parts = String(decoding: data, as: UTF8.self).split(
            separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == listing, let microseconds = Int64(parts[1]),
            Timestamp.range.contains(microseconds), let id = Identifier<Entity>(parts[2])
        else { return nil }
        return (Timestamp(microseconds: microseconds), id)
    }
}
