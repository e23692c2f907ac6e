import CircleStore
import Domain
import EventSchema
import TestKit
import Testing

@Suite("Stage, hosts and sessions: commands against PostgreSQL")
struct StageTests {
    private let host = Caller(uid: "host")
    private let guest = Caller(uid: "guest")

    /// The last events' types.
    private func events(_ test: TestStore, _ count: Int) async throws -> [String] {
        try await test.outboxRecords().suffix(count).map {
            try EventCodec.decode($0).payload.typeName
        }
    }

    @Test("who raised a hand is promoted at once, who did not is asked, and may say yes or no")
    func asksBeforePromoting() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        _ = try await test.store.join(circleID, by: guest)
        for _ in 1...2 {
            let asked = try await test.store.promote("guest", in: circleID, by: host)
            #expect(asked.role == .listener && asked.invitation?.actorUID == "host")
        }
        #expect(try await events(test, 2) == ["memberJoined", "stageInvited"], "asked once")
        try await test.store.declineInvitation(in: circleID, by: guest)
        await #expect(throws: CommandError.notInvited) {
            _ = try await test.store.acceptInvitation(in: circleID, by: guest)
        }
        await #expect(throws: CommandError.notInvited) {
            try await test.store.declineInvitation(in: circleID, by: guest)
        }
        _ = try await test.store.promote("guest", in: circleID, by: host)
        let accepted = try await test.store.acceptInvitation(in: circleID, by: guest)
        #expect(accepted.seat?.role == .speaker && accepted.seat?.invitation == nil)
        #expect(
            try await events(test, 3) == ["stageInviteDeclined", "stageInvited", "memberPromoted"])
    }

    @Test("an invitation is no place: who comes too late finds the stage full")
    func invitationHoldsNoPlace() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle(maxSpeakers: 2)
        for uid in ["guest", "fast"] {
            _ = try await test.store.join(circleID, by: Caller(uid: uid))
        }
        _ = try await test.store.promote("guest", in: circleID, by: host)
        try await test.bringOnStage("fast", in: circleID)
        await #expect(throws: CommandError.speakersFull) {
            try await test.store.acceptInvitation(in: circleID, by: guest)
        }
    }

    @Test("speakers mute and unmute themselves; for another, unmuting is a request")
    func unmutingIsARequest() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        _ = try await test.store.join(circleID, by: guest)
        await #expect(throws: CommandError.notOnStage) {
            try await test.store.mute("guest", in: circleID, by: guest)
        }
        try await test.bringOnStage("guest", in: circleID)
        #expect(try await test.store.mute("guest", in: circleID, by: host).isMuted)
        #expect(try await test.store.unmute("guest", in: circleID, by: host).isMuted)
        #expect(try await events(test, 2) == ["memberMuted", "unmuteRequested"])
        #expect(try await !test.store.unmute("guest", in: circleID, by: guest).isMuted)
        #expect(try await test.store.mute("guest", in: circleID, by: guest).isMuted)
        #expect(try await events(test, 2) == ["memberUnmuted", "memberMuted"])
        await #expect(throws: CommandError.forbidden) {
            try await test.store.mute("host", in: circleID, by: guest)
        }
    }

    @Test("co-hosts come and go while the circle lives, with the seat that fits")
    func coHostsComeAndGo() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        _ = try await test.store.join(circleID, by: guest)
        try await test.bringOnStage("guest", in: circleID)
        let added = try await test.store.addCoHost("guest", to: circleID, by: host)
        #expect(added.details.coHostUIDs == ["guest"])
        #expect(try await events(test, 2) == ["circleUpdated", "memberRoleChanged"])
        #expect(try await test.text("select role from seats where uid = 'guest'") == "coHost")
        await #expect(throws: CommandError.forbidden) {
            try await test.store.addCoHost("friend", to: circleID, by: guest)
        }
        await #expect(throws: CommandError.targetIsHost) {
            try await test.store.addCoHost("host", to: circleID, by: host)
        }
        let removed = try await test.store.removeCoHost("guest", from: circleID, by: guest)
        #expect(removed.details.coHostUIDs.isEmpty)
        #expect(try await test.text("select role from seats where uid = 'guest'") == "speaker")
        for number in 1...Limits.coHostCountMax {
            _ = try await test.store.addCoHost("co-\(number)", to: circleID, by: host)
        }
        await #expect(throws: CommandError.coHostsFull) {
            try await test.store.addCoHost("guest", to: circleID, by: host)
        }
        try await test.store.kick("troll", in: circleID, reason: "", bans: true, by: host)
        _ = try await test.store.removeCoHost("co-1", from: circleID, by: host)
        await #expect(throws: CommandError.targetBanned) {
            try await test.store.addCoHost("troll", to: circleID, by: host)
        }
    }

    @Test("a host who is gone past the grace is followed by the earliest co-host inside")
    func earliestCoHostFollows() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let circleID = try await test.makeCircle(coHosts: ["absent", "late", "early"])
        for uid in ["early", "late"] {
            clock.advance(seconds: 1)
            _ = try await test.store.join(circleID, by: Caller(uid: uid))
        }
        try await test.store.leave(circleID, by: host)
        clock.advance(seconds: 59)
        #expect(try await test.store.settleHostless() == 0, "within the grace")
        _ = try await test.store.join(circleID, by: host)
        clock.advance(seconds: 600)
        #expect(try await test.store.settleHostless() == 0, "back in time")
        try await test.store.leave(circleID, by: host)
        clock.advance(seconds: 61)
        #expect(try await test.store.settleHostless() == 1)
        #expect(try await test.store.settleHostless() == 0, "settled once")
        #expect(try await events(test, 2) == ["circleUpdated", "memberRoleChanged"])
        #expect(
            try await test.text("select host_uid, co_host_uids, creator_uid from circles")
                == "early|{absent,late,host}|host")
        #expect(try await test.text("select role from seats where uid = 'early'") == "host")
        let back = try await test.store.join(circleID, by: host)
        #expect(back.seat?.role == .coHost)
        // The circle counts against the quota of the one who made it.
        for _ in 1...Limits.creationsPerHostAndDay {
            try await test.makeCircle(host: "early")
        }
    }

    @Test(
        "a circle whose host is gone ends when no co-host is there; one never there is not missed")
    func endsWithoutHost() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let circleID = try await test.makeCircle(coHosts: ["absent"])
        _ = try await test.store.join(circleID, by: guest)
        try await test.store.leave(circleID, by: host)
        let startsByCoHost = try await test.store.create(
            test.draft(
                host: "other", coHosts: ["helper"], startsNow: false,
                startAt: clock.now().adding(seconds: 300)), by: Caller(uid: "other"))
        _ = try await test.store.join(startsByCoHost.circle.circleID, by: Caller(uid: "helper"))
        clock.advance(seconds: 61)
        #expect(try await test.store.settleHostless() == 1)
        let last = try EventCodec.decode(try #require(try await test.outboxRecords().last))
        #expect(last.circleID == circleID)
        #expect(last.payload == .circleEnded(actorUID: "", .hostLost))
        #expect(try await test.text("select count(*) from circles where status = 'live'") == "1")
    }

    @Test("another device takes the seat over with role and mute; the same one resumes")
    func newestDeviceWins() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        let phone = try await test.store.join(circleID, deviceID: "phone", by: guest)
        try await test.bringOnStage("guest", in: circleID)
        _ = try await test.store.mute("guest", in: circleID, by: guest)
        let again = try await test.store.join(circleID, deviceID: "phone", by: guest)
        #expect(again.isResumed && again.seat?.sessionID == phone.seat?.sessionID)
        let anonymous = try await test.store.join(circleID, by: guest)
        #expect(anonymous.isResumed && anonymous.seat?.deviceID == "phone")
        let tablet = try await test.store.join(circleID, deviceID: "tablet", by: guest)
        #expect(!tablet.isResumed && tablet.seat?.sessionID != phone.seat?.sessionID)
        #expect(tablet.seat?.role == .speaker && tablet.seat?.isMuted == true)
        let payloads = try await test.outboxRecords().suffix(3).map {
            try EventCodec.decode($0).payload
        }
        let (old, new) = (try #require(phone.seat?.sessionID), try #require(tablet.seat?.sessionID))
        #expect(
            payloads == [
                .memberLeft(.init(uid: "guest", sessionID: old), .replaced),
                .memberJoined(.init(uid: "guest", sessionID: new), .speaker),
                .memberMuted(.init(uid: "guest", sessionID: new), actorUID: "guest"),
            ])
        // A host on another device is not gone.
        _ = try await test.store.join(circleID, deviceID: "phone", by: host)
        _ = try await test.store.join(circleID, deviceID: "tablet", by: host)
        #expect(
            try await test.number(
                "select count(*) from circles where host_absent_since is not null")
                == 0)
    }

    @Test(
        "each act of moderation is in the audit trail with who, what, whom, when, why; one's own mute is not"
    )
    func keepsAuditTrail() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let circleID = try await test.makeCircle()
        var moderator = host
        moderator.traceID = "trace-1"
        _ = try await test.store.join(circleID, by: guest)
        try await test.bringOnStage("guest", in: circleID)
        _ = try await test.store.mute("guest", in: circleID, by: guest)
        _ = try await test.store.unmute("guest", in: circleID, by: moderator)
        _ = try await test.store.report(
            UserReport(uid: "host", category: .harassment, comment: "it's \"bad\""),
            in: circleID, by: guest)
        try await test.store.kick("guest", in: circleID, reason: "noise", bans: true, by: moderator)
        #expect(
            try await test.text(
                "select actor_uid, action, target_uid, reason, trace_id from moderation_audit order by audit_id"
            ) == """
                host|memberPromoted|guest||
                host|unmuteRequested|guest||trace-1
                guest|memberReported|host|harassment|
                host|memberKicked|guest|noise|trace-1
                host|memberBanned|guest|noise|trace-1
                """)
        #expect(
            try await test.number(
                """
                select count(*)
                from moderation_audit
                join outbox using (circle_id, source_seq)
                where event_type = action and outbox.trace_id = moderation_audit.trace_id
                """) == 5)
        #expect(try await test.text("select comment from user_reports") == "it's \"bad\"")
    }

    @Test("reports are about those who are or were there, and bounded")
    func boundsReports() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        let report = UserReport(uid: "host", category: .spam, comment: "")
        await #expect(throws: CommandError.memberNotFound) {
            try await test.store.report(
                UserReport(uid: "stranger", category: .spam, comment: ""), in: circleID, by: guest)
        }
        await #expect(throws: CommandError.forbidden) {
            try await test.store.report(report, in: circleID, by: host)
        }
        for _ in 1...Limits.reportsPerUserAndCircle {
            _ = try await test.store.report(report, in: circleID, by: guest)
        }
        await #expect(throws: CommandError.reportLimitReached) {
            try await test.store.report(report, in: circleID, by: guest)
        }
    }

    @Test("an RSVP is made once, withdrawn once, and only before the start")
    func keepsRSVPs() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let draft = test.draft(
            privacy: .private, invited: ["guest"], startsNow: false,
            startAt: clock.now().adding(seconds: 7200))
        let circleID = try await test.store.create(draft, by: host).circle.circleID
        await #expect(throws: CommandError.inviteRequired) {
            try await test.store.makeRSVP(circleID, by: Caller(uid: "stranger"))
        }
        let made = try await test.store.makeRSVP(circleID, by: guest)
        clock.advance(seconds: 60)
        #expect(try await test.store.makeRSVP(circleID, by: guest) == made)
        #expect(try await events(test, 2) == ["circleCreated", "rsvpMade"])
        for _ in 1...2 { try await test.store.withdrawRSVP(circleID, by: guest) }
        #expect(try await events(test, 2) == ["rsvpMade", "rsvpWithdrawn"])
        _ = try await test.store.start(circleID, by: host)
        await #expect(throws: CommandError.circleAlreadyStarted) {
            try await test.store.makeRSVP(circleID, by: guest)
        }
    }

    @Test("a user's devices are bounded, and a push token is with whom it was registered last")
    func keepsDevices() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        for number in 1...(Limits.devicesPerUser + 3) {
            clock.advance(seconds: 1)
            try await test.store.registerDevice(
                PushDevice(deviceID: "d\(number)", platform: .ios, pushToken: "t\(number)"),
                by: guest)
        }
        #expect(try await test.number("select count(*) from push_tokens") == Limits.devicesPerUser)
        #expect(
            try await test.number("select count(*) from push_tokens where device_id = 'd3'") == 0)
        try await test.store.registerDevice(
            PushDevice(deviceID: "phone", platform: .android, pushToken: "t9"), by: host)
        #expect(
            try await test.text("select uid, device_id from push_tokens where push_token = 't9'")
                == "host|phone")
        try await test.store.removeDevice("phone", by: guest)
        #expect(
            try await test.number("select count(*) from push_tokens where uid = 'host'") == 1,
            "another's device is not theirs to remove")
        try await test.store.removeDevice("phone", by: host)
        #expect(
            try await test.number("select count(*) from push_tokens where uid = 'host'") == 0)
    }
}
