import CircleStore
import Domain
import JSONText

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

/// A circle's description, as its host gave it.
extension JSONWriter {
    mutating func members(_ details: CircleDetails) {
        member("title", details.title)
        member("category", details.category)
        member("privacy", details.privacy)
        member("hostUid", details.hostUID)
        member("coHostUids", details.coHostUIDs)
        member("coverUrl", details.coverURL.isEmpty ? nil : details.coverURL)
        member("startAt", details.startAt)
        member("durationMin", details.durationMinutes)
        member("maxSpeakers", details.maxSpeakers)
        member("maxListeners", details.maxListeners)
        member("micPolicy", details.micPolicy)
    }
}

struct CircleBody: JSONWritable {
    private let circle: Circle
    /// `nil` where only the circle itself is told.
    private let view: CircleView?

    init(_ circle: Circle) {
        self.circle = circle
        view = nil
    }

    init(_ view: CircleView) {
        circle = view.circle
        self.view = view
    }

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("circleId", circle.circleID)
            json.members(circle.details)
            json.member("status", circle.status)
            json.member("createdAt", circle.createdAt)
            json.member("startedAt", circle.startedAt)
            json.member("endedAt", circle.endedAt)
            guard let view else { return }
            json.member("speakerCount", view.speakerCount)
            json.member("listenerCount", view.listenerCount)
            json.member("members", view.members?.map(MemberBody.init))
            guard let hands = view.hands else { return }
            // First come, first.
            json.name("hands")
            json.array(hands.enumerated()) { json, hand in
                json.object { json in
                    json.member("uid", hand.element.uid)
                    json.member("position", hand.offset + 1)
                    json.member("raisedAt", hand.element.handRaisedAt)
                }
            }
        }
    }
}

struct MemberBody: JSONWritable {
    let view: CircleView.MemberView

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("uid", view.seat.uid)
            json.member("sessionId", view.seat.sessionID)
            json.member("role", view.seat.role)
            json.member("isMuted", view.seat.isMuted)
            json.member("isConnected", view.isConnected)
            json.member("joinedAt", view.seat.joinedAt)
            json.member("lastSpokeAt", view.lastSpokeAt)
            json.member("invitedAt", view.seat.invitation?.invitedAt)
        }
    }
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
struct AdmissionBody: JSONWritable {
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

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("circleId", circleId)
            json.member("status", status)
            json.member("role", role)
            json.member("sessionId", sessionId)
            json.member("resumed", resumed)
            json.member("token", token)
            json.member("tokenExpiresAt", tokenExpiresAt)
            json.member("sfuUrl", sfuUrl)
            json.member("whipUrl", whipUrl)
            json.member("whepUrl", whepUrl)
        }
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

struct PageBody: JSONWritable {
    let circles: [CircleBody]
    /// Goes into `startAfter` for the next page; absent on the last.
    let nextCursor: String?

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("circles", circles)
            json.member("nextCursor", nextCursor)
        }
    }
}
