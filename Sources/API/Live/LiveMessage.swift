import Domain
import EventSchema
import NIOCore

/// An event as it goes out to all who follow its circle; encoded once.
struct LiveMessage: Sendable {
    let circleSequence: Int64
    let bytes: ByteBuffer
    /// `nil` where the event could not be read.
    let occurredAt: Timestamp?
    let consequence: Consequence

    /// What the event may mean for a reader's stream.
    enum Consequence: Sendable, Hashable {
        case none
        case circleEnded
        case left(uid: String, SessionID)
        case kicked(uid: String)
        case banned(uid: String)
        /// Who may see the circle may be others now.
        case circleChanged
    }

    /// The events that members are told of. Others go out as `other`, with nothing but their
    /// number, so that numbers have no gap.
    static let names: Set<String> = [
        "circleCreated", "circleUpdated", "circleStarted", "circleEnded", "memberJoined",
        "memberLeft", "memberPromoted", "memberDemoted", "memberMuted", "memberUnmuted",
        "memberKicked", "memberBanned", "handRaised", "handLowered", "mediaConnected",
        "mediaDisconnected", "speakingStarted", "speakingStopped", "nodeSnapshot",
        "stageInvited", "stageInviteDeclined", "memberRoleChanged", "unmuteRequested", "rsvpMade",
        "rsvpWithdrawn",
    ]

    init(circleSequence: Int64, record: [UInt8]) {
        // What cannot be read is `other`, as an event of a newer schema is.
        self.init(circleSequence: circleSequence, event: try? EventCodec.decode(record))
    }

    init(circleSequence: Int64, event: Event?) {
        self.circleSequence = circleSequence
        occurredAt = event?.occurredAt
        consequence = event.map { Consequence($0.payload) } ?? .none
        let message: ServerSentEvent
        if let event, Self.names.contains(event.payload.typeName) {
            message = ServerSentEvent(
                id: circleSequence, name: event.payload.typeName,
                data: JSON.encode(LiveEventBody(circleSequence: circleSequence, event: event)))
        } else {
            message = ServerSentEvent(
                id: circleSequence, name: "other",
                data: JSON.encode(LiveEventBody(circleSequence: circleSequence, event: nil)))
        }
        bytes = message.buffer
    }
}

extension LiveMessage.Consequence {
    init(_ payload: Event.Payload) {
        switch payload {
        case .circleEnded: self = .circleEnded
        case .memberLeft(let member, _): self = .left(uid: member.uid, member.sessionID)
        case .memberKicked(let member, _, _): self = .kicked(uid: member.uid)
        case .memberBanned(let uid, _, _): self = .banned(uid: uid)
        case .circleUpdated: self = .circleChanged
        default: self = .none
        }
    }
}
