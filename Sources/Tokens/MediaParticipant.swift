import Domain
import Foundation

/// What a media token says of its holder in fields that a LiveKit server keeps and hands back.
/// Source: LiveKit, "Participant attributes and metadata".
public enum MediaParticipant {
    static let sessionKey: StaticString = "sessionId"
    static let roleKey: StaticString = "role"

    /// What a token's attributes hold too: servers before 1.7 have none.
    static func metadata(_ sessionID: SessionID, _ role: Role) -> String {
        "{\"\(sessionKey)\":\"\(sessionID)\",\"\(roleKey)\":\"\(role.rawValue)\"}"
    }

    /// The member session that a participant's token was minted for.
    public static func sessionID(
        attributes: [String: String]?, metadata: String?
    ) -> SessionID? {
        if let text = attributes?["\(sessionKey)"] { return SessionID(text) }
        guard let metadata,
            let fields = try? JSONDecoder().decode(
                [String: String].self, from: Data(metadata.utf8))
        else { return nil }
        return fields["\(sessionKey)"].flatMap { SessionID($0) }
    }
}
