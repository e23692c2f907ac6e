import CircleStore
import Domain
import Foundation
import Tokens

/// The opaque form of a place in a list that is read by (time, id).
enum KeysetCursor {
    static func encode<Entity>(_ time: Timestamp, _ id: Identifier<Entity>) -> String {
        Base64URL.encode("\(time.microseconds).\(id)".utf8)
    }

    /// - Returns: `nil` for what `encode` has not made.
    static func decode<Entity>(_ cursor: String) -> (Timestamp, Identifier<Entity>)? {
        guard cursor.utf8.count <= 128, let data = Base64URL.decode(cursor) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let microseconds = Int64(parts[0]),
            Timestamp.range.contains(microseconds), let id = Identifier<Entity>(parts[1])
        else { return nil }
        return (Timestamp(microseconds: microseconds), id)
    }
}

/// The opaque form of a place in the directory.
enum DirectoryCursor {
    static func encode(_ position: DirectoryPosition) -> String {
        KeysetCursor.encode(position.startAt, position.circleID)
    }

    static func decode(_ cursor: String) -> DirectoryPosition? {
        KeysetCursor.decode(cursor).map { DirectoryPosition(startAt: $0, circleID: $1) }
    }
}
