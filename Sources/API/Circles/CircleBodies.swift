import CircleStore
import Domain

// MARK: Requests

extension CircleDraft {
    /// Reads the body of `POST /circles`.
    init(_ fields: inout JSONFields, hostUID: String, now: Timestamp) throws {
        let title = fields.title()
        let startAt = fields.startAt(now: now)
        let coHosts = fields.uids("coHostUids", countMax: Limits.coHostCountMax)
        let details = CircleDetails(
            title: fields.required("title", title) ?? "",
            category: fields.string("category", characterCount: Limits.categoryCharacterCount)
                ?? "",
            privacy: fields.choice("privacy") ?? .public,
            hostUID: hostUID,
            coHostUIDs: (coHosts ?? []).filter { $0 != hostUID },
            coverURL: fields.webURL("coverUrl") ?? "",
            startAt: startAt ?? now,
            durationMinutes: fields.integer("durationMin", range: Limits.durationMinutes)
                ?? Limits.durationMinutesDefault,
            maxSpeakers: fields.integer("maxSpeakers", range: Limits.maxSpeakers)
                ?? Limits.maxSpeakersDefault,
            maxListeners: fields.integer("maxListeners", range: Limits.maxListeners)
                ?? Limits.maxListenersDefault,
            micPolicy: fields.choice("micPolicy") ?? .handRaise)
        let invited = fields.uids("invitedUids", countMax: Limits.invitedCountMax) ?? []
        try fields.finish()
        self.init(details: details, invitedUIDs: invited, startsNow: startAt == nil)
    }
}

extension CirclePatch {
    /// Reads the body of `PATCH /circles/{id}`.
    init(_ fields: inout JSONFields, now: Timestamp) throws {
        self.init()
        title = fields.title()
        category = fields.string("category", characterCount: Limits.categoryCharacterCount)
        privacy = fields.choice("privacy")
        coHostUIDs = fields.uids("coHostUids", countMax: Limits.coHostCountMax)
        invitedUIDs = fields.uids("invitedUids", countMax: Limits.invitedCountMax)
        coverURL = fields.webURL("coverUrl")
        startAt = fields.startAt(now: now)
        durationMinutes = fields.integer("durationMin", range: Limits.durationMinutes)
        maxSpeakers = fields.integer("maxSpeakers", range: Limits.maxSpeakers)
        maxListeners = fields.integer("maxListeners", range: Limits.maxListeners)
        micPolicy = fields.choice("micPolicy")
        if let status: CircleStatus = fields.choice("status") {
            if status == .live {
                starts = true
            } else {
                fields.fail("status", "can only be set to live; DELETE ends a circle")
            }
        }
        try fields.finish()
    }
}

extension JSONFields {
    fileprivate mutating func title() -> String? {
        guard let title = string("title", characterCount: Limits.titleCharacterCount) else {
            return nil
        }
        guard title.contains(where: { !$0.isWhitespace }) else {
            fail("title", "must not be blank")
            return nil
        }
        return title
    }

    fileprivate mutating func startAt(now: Timestamp) -> Timestamp? {
        guard let startAt = time("startAt") else { return nil }
        guard startAt >= now.adding(seconds: -Limits.startGraceSeconds) else {
            fail("startAt", "must not be in the past")
            return nil
        }
        guard startAt <= now.adding(seconds: Limits.scheduleAheadSecondsMax) else {
            fail("startAt", "must be within \(Limits.scheduleAheadSecondsMax / 86_400) days")
            return nil
        }
        return startAt
    }
}

/// The body of `POST /circles/{id}/actions`.
struct ModerationAction {
    enum Kind: String, CaseIterable {
        case mute
        case unmute
        case kick
        case demote
    }

    let kind: Kind
    let uid: String
    let reason: String
    let bans: Bool

    init(_ fields: inout JSONFields) throws {
        let kind: Kind? = fields.choice("action")
        let uid = fields.uid("uid")
        let reason = fields.string("reason", characterCount: 0...Limits.reasonCharacterCountMax)
        let bans = fields.bool("ban")
        _ = fields.required("action", kind)
        _ = fields.required("uid", uid)
        if let kind, kind != .kick {
            if reason != nil { fields.fail("reason", "goes with kick only") }
            if bans != nil { fields.fail("ban", "goes with kick only") }
        }
        try fields.finish()
        guard let kind, let uid else { throw Problem.internalError }  // finish() has thrown
        self.kind = kind
        self.uid = uid
        self.reason = reason ?? ""
        self.bans = bans ?? false
    }
}

// MARK: Responses

struct CircleBody: Encodable {
    let circleId: CircleID
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
    let status: CircleStatus
    let createdAt: Timestamp
    let startedAt: Timestamp?
    let endedAt: Timestamp?
    var speakerCount: Int?
    var listenerCount: Int?
    var members: [MemberBody]?
    /// Uids of raised hands, first come first.
    var hands: [HandBody]?

    init(_ circle: Circle) {
        let details = circle.details
        circleId = circle.circleID
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
        status = circle.status
        createdAt = circle.createdAt
        startedAt = circle.startedAt
        endedAt = circle.endedAt
    }

    init(_ view: CircleView) {
        self.init(view.circle)
        speakerCount = view.speakerCount
        listenerCount = view.listenerCount
        members = view.members?.map(MemberBody.init)
        hands = view.hands?.enumerated().map { index, seat in
            HandBody(uid: seat.uid, position: index + 1, raisedAt: seat.handRaisedAt)
        }
    }
}

struct MemberBody: Encodable {
    let uid: String
    let sessionId: SessionID
    let role: Role
    let isMuted: Bool
    let isConnected: Bool
    let joinedAt: Timestamp
    let lastSpokeAt: Timestamp?
    let invitedAt: Timestamp?

    init(_ view: CircleView.MemberView) {
        uid = view.seat.uid
        sessionId = view.seat.sessionID
        role = view.seat.role
        isMuted = view.seat.isMuted
        isConnected = view.isConnected
        joinedAt = view.seat.joinedAt
        lastSpokeAt = view.lastSpokeAt
        invitedAt = view.seat.invitation?.invitedAt
    }
}

struct HandBody: Encodable {
    let uid: String
    let position: Int
    let raisedAt: Timestamp?
}

struct SeatBody: Encodable {
    let uid: String
    let sessionId: SessionID
    let role: Role
    let isMuted: Bool
    /// When the member was asked onto the stage; absent without a pending invitation.
    let invitedAt: Timestamp?

    init(_ seat: Seat) {
        uid = seat.uid
        sessionId = seat.sessionID
        role = seat.role
        isMuted = seat.isMuted
        invitedAt = seat.invitation?.invitedAt
    }
}

/// What creating and joining give: the way into the media.
struct AdmissionBody: Encodable {
    let circleId: CircleID
    let status: CircleStatus
    let role: Role
    let sessionId: SessionID?
    /// Whether the seat was held already.
    let resumed: Bool
    let token: String
    let tokenExpiresAt: Timestamp
    /// Absent while no node lives or the circle has not begun.
    let sfuUrl: String?
    /// Where to send audio by WHIP; absent for those in the audience.
    let whipUrl: String?
    /// Where to receive it by WHEP.
    let whepUrl: String?

    init(_ admission: Admission, role: Role, token: String, expiresAt: Timestamp, media: MediaURLs)
    {
        circleId = admission.circle.circleID
        status = admission.circle.status
        self.role = role
        sessionId = admission.seat?.sessionID
        resumed = admission.isResumed
        self.token = token
        tokenExpiresAt = expiresAt
        sfuUrl = media.sfu
        whipUrl = role.isOnStage ? media.whip : nil
        whepUrl = media.whep
    }
}

/// Where the media of an admission is.
struct MediaURLs {
    var sfu: String?
    var whip: String?
    var whep: String?

    /// - Parameter fixedURL: of an SFU that is not ours, such as a hosted LiveKit; it speaks
    ///   neither WHIP nor WHEP at a place that we know. Empty for our own nodes.
    init(_ admission: Admission, fixedURL: String) {
        guard fixedURL.isEmpty else {
            sfu = fixedURL
            return
        }
        guard let node = admission.node else { return }
        sfu = node.url
        whip = "\(node.url)/whip/\(admission.circle.circleID)"
        whep = "\(node.url)/whep/\(admission.circle.circleID)"
    }
}

struct PageBody: Encodable {
    let circles: [CircleBody]
    /// Goes into `startAfter` for the next page; absent on the last.
    let nextCursor: String?
}
