import CircleStore
import Domain
import Foundation

/// The opaque form of a place in the directory.
enum DirectoryCursor {
    static func encode(_ position: DirectoryPosition) -> String {
        let text = "\(position.startAt.microseconds).\(position.circleID)"
        return Data(text.utf8).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    static func decode(_ cursor: String) -> DirectoryPosition? {
        guard cursor.utf8.count <= 128 else { return nil }
        var base64 = cursor.replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        while base64.utf8.count % 4 != 0 { base64 += "=" }
        guard let data = Data(base64Encoded: base64) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ".", maxSplits: 1)
        // Within what timestamptz can hold: years 1970 to 9999.
        guard parts.count == 2, let microseconds = Int64(parts[0]),
            (0...253_402_300_799_999_999).contains(microseconds),
            let circleID = CircleID(parts[1])
        else { return nil }
        return DirectoryPosition(
            startAt: Timestamp(microseconds: microseconds), circleID: circleID)
    }
}
