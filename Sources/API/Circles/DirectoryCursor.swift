import CircleStore
import Domain
import Foundation
import Tokens

/// The opaque form of a place in the directory.
enum DirectoryCursor {
    static func encode(_ position: DirectoryPosition) -> String {
        let text = "\(position.startAt.microseconds).\(position.circleID)"
        return Base64URL.encode(text.utf8)
    }

    static func decode(_ cursor: String) -> DirectoryPosition? {
        guard cursor.utf8.count <= 128, let data = Base64URL.decode(cursor) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let microseconds = Int64(parts[0]),
            Timestamp.range.contains(microseconds),
            let circleID = CircleID(parts[1])
        else { return nil }
        return DirectoryPosition(
            startAt: Timestamp(microseconds: microseconds), circleID: circleID)
    }
}
