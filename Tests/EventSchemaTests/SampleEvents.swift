import Domain

/// One event of every kind, with every value of every enumeration somewhere.
enum SampleEvents {
    static let member = Event.Member(
        uid: "ada", sessionID: SessionID(high: 0x019A_AAAA_AAAA_7AAA, low: 0x8BBB_BBBB_BBBB_BBBB))

    static let details = CircleDetails(
        title: "Ελληνικά & 👩‍👩‍👧", category: "", privacy: .secret, hostUID: "host",
        coHostUIDs: ["co-1", "co-2"], coverURL: "https://example.org/a.png",
        startAt: Timestamp(microseconds: 1_795_430_000_000_001), durationMinutes: 60,
        maxSpeakers: 8, maxListeners: 100, micPolicy: .handRaise)

    static func event(_ payload: Event.Payload) -> Event {
        Event(
            eventID: EventID(high: 0x0102_0304_0506_7708, low: 0x890A_0B0C_0D0E_0F10),
            circleID: circleID(createdAt: 1_795_426_200_123_000),
            position: SourcePosition(source: "api", epoch: 1, sequence: 7),
            occurredAt: Timestamp(microseconds: 1_795_426_200_123_456), payload: payload)
    }

    /// A circle of that time, in microseconds.
    static func circleID(createdAt: Int64) -> CircleID {
        CircleID(high: UInt64(createdAt / 1000) << 16 | 0x7718, low: 0x991A_1B1C_1D1E_1F20)
    }

    static let payloads: [Event.Payload] =
        ofCircles + ofRoles + ofMembers + ofRequests
        + LeaveReason.allCases.map { .memberLeft(member, $0) }
        + LowerReason.allCases.map { .handLowered(member, $0) } + [.unknown]

    private static let ofCircles: [Event.Payload] =
        EndReason.allCases.map { .circleEnded(actorUID: "host", $0) }
        + Privacy.allCases.map { privacy in
            var changed = details
            changed.privacy = privacy
            return .circleCreated(changed)
        }
        + MicPolicy.allCases.map { policy in
            var changed = details
            changed.micPolicy = policy
            changed.coHostUIDs = []
            changed.coverURL = ""
            return .circleUpdated(changed, actorUID: "co-1")
        }
        + [.circleStarted(actorUID: "host"), .circleEnded(actorUID: "", .overrun)]

    private static let ofRoles: [Event.Payload] = Role.allCases.flatMap { role in
        [
            .memberJoined(member, role), .memberPromoted(member, actorUID: "host", role),
            .memberDemoted(member, actorUID: "host", role),
        ]
    }

    private static let ofRequests: [Event.Payload] =
        [
            .stageInvited(member, actorUID: "host"), .stageInviteDeclined(member),
            .memberRoleChanged(member, actorUID: "", .coHost),
            .unmuteRequested(member, actorUID: "co-1"), .rsvpMade(uid: "bob"),
            .rsvpWithdrawn(uid: "bob"),
        ]
        + ReportCategory.allCases.map {
            .memberReported(uid: "bob", actorUID: "ada", $0)
        }

    private static let ofMembers: [Event.Payload] = [
        .memberMuted(member, actorUID: "host"),
        .memberUnmuted(member, actorUID: "host"),
        .memberKicked(member, actorUID: "host", reason: "noise"),
        .memberKicked(member, actorUID: "host", reason: ""),
        .memberBanned(uid: "bob", actorUID: "host", reason: "spam"),
        .handRaised(member),
        .mediaConnected(
            member, iceMilliseconds: 0, dtlsMilliseconds: 120,
            firstPacketMilliseconds: 2_147_483_647),
        .mediaDisconnected(member),
        .speakingStarted(member),
        .speakingStopped(member),
        .nodeSnapshot([.init(member: member, isSpeaking: true)]),
    ]
}
