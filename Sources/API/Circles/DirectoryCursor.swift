import CircleStore
import Domain

/// The opaque form of a place in the directory.
enum DirectoryCursor {
    private static let listing = "circles"

    static func encode(_ position: DirectoryPosition) -> String {
        KeysetCursor.encode(position.startAt, position.circleID, of: listing)
    }

    static func decode(_ cursor: String) -> DirectoryPosition? {
        let place: (time: Timestamp, id: CircleID)? = KeysetCursor.decode(cursor, of: listing)
        return place.map { DirectoryPosition(startAt: $0.time, circleID: $0.id) }
    }
}
