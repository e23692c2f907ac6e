import Domain

/// Whether a user means to come to a circle.
struct RSVP: Equatable {
    var madeAt: Timestamp
    var withdrawnAt: Timestamp?
}

extension CircleFold {
    mutating func applyRSVP(_ payload: Event.Payload, at: Timestamp) {
        switch payload {
        case .rsvpMade(let uid):
            guard rsvps[uid].map({ $0.withdrawnAt != nil }) ?? true else { return }
            rsvps[uid] = RSVP(madeAt: at)
            changedRSVPs.insert(uid)
        case .rsvpWithdrawn(let uid):
            guard rsvps[uid] != nil, rsvps[uid]?.withdrawnAt == nil else { return }
            rsvps[uid]?.withdrawnAt = at
            changedRSVPs.insert(uid)
        default: break
        }
    }
}

extension Event.Payload {
    /// Whether it may change who is inside or on stage.
    var changesPresence: Bool {
        switch self {
        case .memberJoined, .memberLeft, .memberPromoted, .memberDemoted, .memberRoleChanged,
            .circleEnded:
            true
        default: false
        }
    }
}
