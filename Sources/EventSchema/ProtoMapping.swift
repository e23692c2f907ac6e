import Domain
import Foundation

// Each enumeration and message of the schema beside its Domain value.

extension ProtoEnvelope.OneOf_Payload {
    init?(_ payload: Event.Payload) {
        switch payload {
        case .circleCreated(let details):
            self = .circleCreated(.with { $0.details = ProtoCircleDetails(details) })
        case .circleUpdated(let details, let actor):
            self = .circleUpdated(
                .with {
                    $0.details = ProtoCircleDetails(details)
                    $0.actorUid = actor
                })
        case .circleStarted(let actor): self = .circleStarted(.with { $0.actorUid = actor })
        case .circleEnded(let actor, let reason):
            self = .circleEnded(
                .with {
                    $0.actorUid = actor
                    $0.reason = ProtoEndReason(reason)
                })
        case .memberJoined(let member, let role):
            self = .memberJoined(
                .with {
                    $0.member = ProtoMember(member)
                    $0.role = ProtoRole(role)
                })
        case .memberLeft(let member, let reason):
            self = .memberLeft(
                .with {
                    $0.member = ProtoMember(member)
                    $0.reason = ProtoLeaveReason(reason)
                })
        case .memberPromoted(let member, let actor, let role):
            self = .memberPromoted(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                    $0.role = ProtoRole(role)
                })
        case .memberDemoted(let member, let actor, let role):
            self = .memberDemoted(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                    $0.role = ProtoRole(role)
                })
        case .memberMuted(let member, let actor):
            self = .memberMuted(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                })
        case .memberUnmuted(let member, let actor):
            self = .memberUnmuted(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                })
        case .memberKicked(let member, let actor, let reason):
            self = .memberKicked(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                    $0.reason = reason
                })
        case .memberBanned(let uid, let actor, let reason):
            self = .memberBanned(
                .with {
                    $0.uid = uid
                    $0.actorUid = actor
                    $0.reason = reason
                })
        case .handRaised(let member):
            self = .handRaised(.with { $0.member = ProtoMember(member) })
        case .handLowered(let member, let reason):
            self = .handLowered(
                .with {
                    $0.member = ProtoMember(member)
                    $0.reason = ProtoLowerReason(reason)
                })
        case .mediaConnected(let member, let ice, let dtls, let firstPacket):
            self = .mediaConnected(
                .with {
                    $0.member = ProtoMember(member)
                    $0.iceMs = UInt32(clamping: ice)
                    $0.dtlsMs = UInt32(clamping: dtls)
                    $0.firstPacketMs = UInt32(clamping: firstPacket)
                })
        case .mediaDisconnected(let member):
            self = .mediaDisconnected(.with { $0.member = ProtoMember(member) })
        case .speakingStarted(let member):
            self = .speakingStarted(.with { $0.member = ProtoMember(member) })
        case .speakingStopped(let member):
            self = .speakingStopped(.with { $0.member = ProtoMember(member) })
        case .nodeSnapshot(let members):
            self = .nodeSnapshot(
                .with {
                    $0.members = members.map { listed in
                        .with {
                            $0.member = ProtoMember(listed.member)
                            $0.isSpeaking = listed.isSpeaking
                        }
                    }
                })
        case .stageInvited(let member, let actor):
            self = .stageInvited(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                })
        case .stageInviteDeclined(let member):
            self = .stageInviteDeclined(.with { $0.member = ProtoMember(member) })
        case .unmuteRequested(let member, let actor):
            self = .unmuteRequested(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                })
        case .memberRoleChanged(let member, let actor, let role):
            self = .memberRoleChanged(
                .with {
                    $0.member = ProtoMember(member)
                    $0.actorUid = actor
                    $0.role = ProtoRole(role)
                })
        case .rsvpMade(let uid): self = .rsvpMade(.with { $0.uid = uid })
        case .rsvpWithdrawn(let uid): self = .rsvpWithdrawn(.with { $0.uid = uid })
        case .memberReported(let uid, let actor, let category):
            self = .memberReported(
                .with {
                    $0.uid = uid
                    $0.actorUid = actor
                    $0.category = category.rawValue
                })
        case .unknown: return nil
        }
    }
}

extension ProtoMember {
    init(_ member: Event.Member) {
        self = .with {
            $0.uid = member.uid
            $0.sessionID = Data(member.sessionID.bytes)
        }
    }
}

extension ProtoCircleDetails {
    init(_ details: CircleDetails) {
        self = .with {
            $0.title = details.title
            $0.category = details.category
            $0.privacy = ProtoPrivacy(details.privacy)
            $0.hostUid = details.hostUID
            $0.coHostUids = details.coHostUIDs
            $0.coverURL = details.coverURL
            $0.startAt = details.startAt.microseconds
            $0.durationMin = UInt32(clamping: details.durationMinutes)
            $0.maxSpeakers = UInt32(clamping: details.maxSpeakers)
            $0.maxListeners = UInt32(clamping: details.maxListeners)
            $0.micPolicy = ProtoMicPolicy(details.micPolicy)
        }
    }
}

extension ProtoPrivacy {
    init(_ privacy: Privacy) {
        self =
            switch privacy {
            case .public: .public
            case .private: .private
            case .secret: .secret
            }
    }
}

extension Privacy {
    init(_ privacy: ProtoPrivacy) throws(EventDecodingError) {
        switch privacy {
        case .public: self = .public
        case .private: self = .private
        case .secret: self = .secret
        case .unspecified: throw .invalid(field: "privacy")
        case .UNRECOGNIZED: throw .unsupported
        }
    }
}

extension ProtoMicPolicy {
    init(_ policy: MicPolicy) {
        self =
            switch policy {
            case .pushToTalk: .pushToTalk
            case .open: .open
            case .handRaise: .handRaise
            }
    }
}

extension MicPolicy {
    init(_ policy: ProtoMicPolicy) throws(EventDecodingError) {
        switch policy {
        case .pushToTalk: self = .pushToTalk
        case .open: self = .open
        case .handRaise: self = .handRaise
        case .unspecified: throw .invalid(field: "mic_policy")
        case .UNRECOGNIZED: throw .unsupported
        }
    }
}

extension ProtoRole {
    init(_ role: Role) {
        self =
            switch role {
            case .listener: .listener
            case .speaker: .speaker
            case .coHost: .coHost
            case .host: .host
            }
    }
}

extension ProtoEndReason {
    init(_ reason: EndReason) {
        self =
            switch reason {
            case .host: .host
            case .overrun: .overrun
            case .empty: .empty
            case .hostLost: .hostLost
            }
    }
}

// Reasons explain, they do not decide: one that we do not know yet reads as the plainest.

extension EndReason {
    init(_ reason: ProtoEndReason) {
        self =
            switch reason {
            case .host, .unspecified, .UNRECOGNIZED: .host
            case .overrun: .overrun
            case .empty: .empty
            case .hostLost: .hostLost
            }
    }
}

extension ProtoLeaveReason {
    init(_ reason: LeaveReason) {
        self =
            switch reason {
            case .left: .left
            case .kicked: .kicked
            case .circleEnded: .circleEnded
            case .timeout: .timeout
            case .leaseExpired: .leaseExpired
            case .replaced: .replaced
            }
    }
}

extension LeaveReason {
    init(_ reason: ProtoLeaveReason) {
        self =
            switch reason {
            case .left, .unspecified, .UNRECOGNIZED: .left
            case .kicked: .kicked
            case .circleEnded: .circleEnded
            case .timeout: .timeout
            case .leaseExpired: .leaseExpired
            case .replaced: .replaced
            }
    }
}

extension ProtoLowerReason {
    init(_ reason: LowerReason) {
        self =
            switch reason {
            case .withdrawn: .withdrawn
            case .promoted: .promoted
            case .left: .left
            }
    }
}

extension LowerReason {
    init(_ reason: ProtoLowerReason) {
        self =
            switch reason {
            case .withdrawn, .unspecified, .UNRECOGNIZED: .withdrawn
            case .promoted: .promoted
            case .left: .left
            }
    }
}
