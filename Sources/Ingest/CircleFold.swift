import Domain

/// What a circle's events add up to. Pure: the same events in canonical order give the same
/// value, and no event, however odd, does anything but change it or leave it.
///
/// Rules:
/// - a session begins with its first `memberJoined` and ends with the first of its
///   `memberLeft`, a newer session of the same member, or the circle's end;
/// - events of a session that is not open change nothing;
/// - a hand goes down with `handLowered`, a promotion or the session's end;
/// - a session's media is on at most one node: see `CircleFold+Media.swift`.
struct CircleFold {
    let circleID: CircleID
    private(set) var summary = Summary()
    private(set) var attendances: [SessionID: Attendance] = [:]
    private(set) var lastKey: Event.CanonicalKey?

    /// Sessions that changed since `takeChanges`.
    var changedSessions: Set<SessionID> = []
    /// By uid.
    var rsvps: [String: RSVP] = [:]
    /// Those of `rsvps` that changed since the rows were written.
    var changedRSVPs: Set<String> = []
    /// By uid.
    private(set) var openSessions: [String: SessionID] = [:]
    /// The highest epoch seen of each node.
    var nodeEpochs: [String: Int64] = [:]
    private var memberUIDs: Set<String> = []
    private var listenerCount = 0
    private var stageCount = 0

    init(circleID: CircleID) {
        self.circleID = circleID
    }

    /// The circle as a whole.
    struct Summary: Equatable {
        var details: CircleDetails?
        var createdAt: Timestamp?
        var startedAt: Timestamp?
        var endedAt: Timestamp?
        var endReason: EndReason?
        var peakListeners = 0
        var peakListenersAt: Timestamp?
        var peakSpeakers = 0
        var peakSpeakersAt: Timestamp?
        var participantMicroseconds: Int64 = 0
        var attendanceCount = 0
        var memberCount = 0
        var handRaiseCount = 0
        var promotionCount = 0
        var demotionCount = 0
        var muteCount = 0
        var kickCount = 0
        var banCount = 0
    }

    /// The same value, with attendances of its own.
    func copy() -> CircleFold {
        var copy = self
        copy.attendances = attendances.mapValues { $0.copy() }
        return copy
    }

    /// Applies the next event in canonical order.
    mutating func apply(_ event: Event) {
        let at = event.occurredAt
        lastKey = event.canonicalKey
        // The API is no node: its epoch never rises and it has no media.
        let isFormer =
            event.position.source != SourcePosition.apiSource && !admitNode(event.position, at: at)
        switch event.payload {
        case .circleCreated(let details):
            summary.details = details
            summary.createdAt = summary.createdAt ?? at
        case .circleUpdated(var details, _):
            // A circle that another host took over stays that of its creator in tables.
            details.hostUID = summary.details?.hostUID ?? details.hostUID
            summary.details = details
        case .circleStarted where summary.endedAt != nil: break
        case .circleStarted:
            summary.startedAt = summary.startedAt ?? at
        case .circleEnded(_, let reason):
            endCircle(reason, at: at)
        case .memberJoined(let member, let role):
            join(member, role, at: at)
        case .memberLeft(let member, let reason):
            if isOpen(member) { close(member.sessionID, reason, at: at) }
        case .memberBanned:
            summary.banCount += 1
        case .memberPromoted, .memberDemoted, .memberRoleChanged, .memberMuted, .memberUnmuted,
            .memberKicked, .handRaised, .handLowered, .stageInvited, .stageInviteDeclined:
            applyToSession(event.payload, at: at)
        case .mediaConnected, .mediaDisconnected, .speakingStarted, .speakingStopped,
            .nodeSnapshot:
            if !isFormer { applyMedia(event) }
        case .rsvpMade, .rsvpWithdrawn:
            applyRSVP(event.payload, at: at)
        case .unmuteRequested, .memberReported, .unknown:
            break
        }
    }

    /// What changed since the last call.
    mutating func takeChanges() -> [Attendance] {
        defer { changedSessions.removeAll(keepingCapacity: true) }
        return changedSessions.compactMap { attendances[$0] }
    }

    // MARK: Presence

    func isOpen(_ member: Event.Member) -> Bool {
        openSessions[member.uid] == member.sessionID
    }

    private mutating func join(_ member: Event.Member, _ role: Role, at: Timestamp) {
        guard summary.endedAt == nil, attendances[member.sessionID] == nil else { return }
        if let older = openSessions[member.uid] {
            close(older, .left, at: at)
        }
        attendances[member.sessionID] = Attendance(member: member, role: role, at: at)
        openSessions[member.uid] = member.sessionID
        changedSessions.insert(member.sessionID)
        summary.attendanceCount += 1
        if memberUIDs.insert(member.uid).inserted { summary.memberCount += 1 }
        count(role, by: 1)
        updatePeaks(at: at)
    }

    private mutating func close(_ sessionID: SessionID, _ reason: LeaveReason, at: Timestamp) {
        guard let attendance = attendances[sessionID] else { return }
        openSessions[attendance.uid] = nil
        count(attendance.role, by: -1)
        attendance.close(reason, at: at)
        summary.participantMicroseconds &+=
            at.microseconds &- attendance.joinedAt.microseconds
        changedSessions.insert(sessionID)
    }

    private mutating func endCircle(_ reason: EndReason, at: Timestamp) {
        guard summary.endedAt == nil else { return }
        for sessionID in Array(openSessions.values) {
            close(sessionID, .circleEnded, at: at)
        }
        summary.endedAt = at
        summary.endReason = reason
    }

    private mutating func count(_ role: Role, by change: Int) {
        if role.isOnStage { stageCount += change } else { listenerCount += change }
    }

    private mutating func updatePeaks(at: Timestamp) {
        if listenerCount > summary.peakListeners {
            summary.peakListeners = listenerCount
            summary.peakListenersAt = at
        }
        if stageCount > summary.peakSpeakers {
            summary.peakSpeakers = stageCount
            summary.peakSpeakersAt = at
        }
    }

    // MARK: Within a session

    private mutating func applyToSession(_ payload: Event.Payload, at: Timestamp) {
        guard let member = payload.member, isOpen(member),
            let attendance = attendances[member.sessionID]
        else { return }
        switch payload {
        case .memberPromoted(_, _, let role):
            count(attendance.role, by: -1)
            count(role, by: 1)
            attendance.change(to: role, at: at)
            attendance.promotionCount += 1
            summary.promotionCount += 1
            updatePeaks(at: at)
        case .memberDemoted(_, _, let role):
            count(attendance.role, by: -1)
            count(role, by: 1)
            attendance.change(to: role, at: at)
            attendance.isMuted = false
            summary.demotionCount += 1
            updatePeaks(at: at)
        case .memberRoleChanged(_, _, let role):
            count(attendance.role, by: -1)
            count(role, by: 1)
            attendance.change(to: role, at: at)
            updatePeaks(at: at)
        case .memberMuted:
            attendance.isMuted = true
            summary.muteCount += 1
        case .memberUnmuted:
            attendance.isMuted = false
        case .memberKicked:
            attendance.wasKicked = true
            summary.kickCount += 1
        case .handRaised:
            if attendance.raiseHand(at: at) { summary.handRaiseCount += 1 }
        case .handLowered(_, let reason):
            attendance.lowerHand(reason, at: at)
        case .stageInvited(_, let actorUID):
            attendance.invite(by: actorUID, at: at)
        case .stageInviteDeclined:
            attendance.answerInvitation(.declined, at: at)
        case .circleCreated, .circleUpdated, .circleStarted, .circleEnded, .memberJoined,
            .memberLeft, .memberBanned, .mediaConnected, .mediaDisconnected, .speakingStarted,
            .speakingStopped, .nodeSnapshot, .unmuteRequested, .rsvpMade, .rsvpWithdrawn,
            .memberReported, .unknown:
            break
        }
        changedSessions.insert(member.sessionID)
    }
}
