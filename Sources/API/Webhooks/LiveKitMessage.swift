import CircleStore
import Domain
import Tokens

/// A webhook's body, as far as we read it.
/// Source: `livekit_webhook.proto` and `livekit_models.proto` in proto3's JSON form.
struct LiveKitMessage: Decodable {
    /// Another one for each event, the same for each attempt to deliver it.
    let id: String
    let event: String
    let room: Room?
    let participant: Participant?

    struct Room: Decodable {
        let name: String?
    }

    struct Participant: Decodable {
        /// Names the connection: LiveKit gives another one each time.
        let sid: String?
        let identity: String?
        let metadata: String?
        let attributes: [String: String]?
        /// Seconds since 1970. 64 bits, so proto3 writes it as a string.
        let joinedAt: String?
        /// Milliseconds since 1970, of newer servers.
        let joinedAtMs: String?
        let disconnectReason: String?
    }

    static let idByteCount = 1...128

    /// The events that we act upon; all others are acknowledged.
    private enum Kind: String {
        case participantJoined = "participant_joined"
        case participantLeft = "participant_left"
    }

    /// For metrics: never a text of the sender's.
    var eventLabel: String { Kind(rawValue: event)?.rawValue ?? "other" }

    /// Whether it tells of a participant's media.
    var isAboutMedia: Bool { Kind(rawValue: event) != nil }

    /// - Returns: `nil` when it is about another matter, or about a room or participant that is
    ///   none of ours.
    var report: MediaReport? {
        guard let kind = Kind(rawValue: event), let participant,
            let circleID = room?.name.flatMap({ CircleID($0) }),
            let uid = participant.identity, isUID(uid),
            let connectionID = participant.sid,
            Limits.isName(connectionID, byteCount: Self.idByteCount),
            let connectedAt = participant.connectedAt,
            let sessionID = MediaParticipant.sessionID(
                attributes: participant.attributes, metadata: participant.metadata)
        else { return nil }
        return MediaReport(
            deliveryID: id,
            session: CircleSession(circleID: circleID, uid: uid, sessionID: sessionID),
            connectionID: connectionID, connectedAt: connectedAt,
            change: kind == .participantJoined
                ? .connected : .disconnected(ends: participant.leaveReason))
    }
}

extension LiveKitMessage.Participant {
    fileprivate var connectedAt: Timestamp? {
        let milliseconds = joinedAtMs.flatMap { Int64($0) } ?? 0
        let seconds = joinedAt.flatMap { Int64($0) } ?? 0
        // Past these a product would not fit; both are far beyond any clock.
        guard (0...1 << 50).contains(milliseconds), (0...1 << 40).contains(seconds) else {
            return nil
        }
        return milliseconds > 0
            ? Timestamp(microseconds: milliseconds * 1000) : Timestamp(seconds: seconds)
    }

    /// Why the session ends with this connection; `nil` when it goes on in another one, which
    /// the same member opened or the server moved.
    fileprivate var leaveReason: LeaveReason? {
        switch disconnectReason {
        case "CLIENT_INITIATED": .left
        case "DUPLICATE_IDENTITY", "MIGRATION": nil
        default: .timeout
        }
    }
}
