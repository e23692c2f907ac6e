import CircleStore
import Domain

/// The data of a `snapshot` message.
struct LiveSnapshotBody: Encodable {
    let circleSeq: Int64
    let circle: CircleBody
    let members: [Member]
    let hands: [Hand]

    struct Member: Encodable {
        let uid: String
        let sessionId: SessionID
        let role: Role
        let isMuted: Bool
        let isConnected: Bool
        let isSpeaking: Bool
        let joinedAt: Timestamp
    }

    struct Hand: Encodable {
        let uid: String
        let position: Int
        let raisedAt: Timestamp
    }

    init(_ snapshot: CircleSnapshot) {
        circleSeq = snapshot.circleSequence
        circle = CircleBody(snapshot.circle)
        members = snapshot.members.map { member in
            Member(
                uid: member.uid, sessionId: member.sessionID, role: member.role,
                isMuted: member.isMuted, isConnected: member.isConnected,
                isSpeaking: member.isSpeaking, joinedAt: member.joinedAt)
        }
        hands = snapshot.hands.enumerated().map { index, hand in
            Hand(uid: hand.uid, position: index + 1, raisedAt: hand.raisedAt)
        }
    }
}

/// The data of any other message.
struct LiveEventBody: Encodable {
    let circleSeq: Int64
    var occurredAt: Timestamp?
    var uid: String?
    var sessionId: SessionID?
    var role: Role?
    var actorUid: String?
    var reason: String?
    var circle: Details?
    var members: [MediaMember]?

    /// A circle's description, as its host gave it.
    struct Details: Encodable {
        let title: String
        let category: String
        let privacy: Privacy
        let hostUid: String
        let coHostUids: [String]
        let coverUrl: String?
        let startAt: Timestamp
        let durationMin: Int
        let maxSpeakers: Int
        let maxListeners: Int
        let micPolicy: MicPolicy

        init(_ details: CircleDetails) {
            title = details.title
            category = details.category
            privacy = details.privacy
            hostUid = details.hostUID
            coHostUids = details.coHostUIDs
            coverUrl = details.coverURL.isEmpty ? nil : details.coverURL
            startAt = details.startAt
            durationMin = details.durationMinutes
            maxSpeakers = details.maxSpeakers
            maxListeners = details.maxListeners
            micPolicy = details.micPolicy
        }
    }

    struct MediaMember: Encodable {
        let uid: String
        let sessionId: SessionID
        let isSpeaking: Bool
    }

    /// An event that concerns no member: only its number.
    init(circleSequence: Int64) {
        circleSeq = circleSequence
    }

    init(_ event: Event, circleSequence: Int64) {
        let payload = event.payload
        circleSeq = circleSequence
        occurredAt = event.occurredAt
        uid = payload.uid
        sessionId = payload.member?.sessionID
        role = payload.role
        actorUid = payload.actorUID
        switch payload {
        case .circleCreated(let details), .circleUpdated(let details, _):
            circle = Details(details)
        case .nodeSnapshot(let listed):
            members = listed.map {
                MediaMember(
                    uid: $0.member.uid, sessionId: $0.member.sessionID, isSpeaking: $0.isSpeaking)
            }
        // What moderators wrote about somebody is not for everyone: only reasons from our lists.
        case .circleEnded, .memberLeft, .handLowered: reason = payload.reason
        default: break
        }
    }
}
