import Domain
import Testing

@testable import Ingest

@Suite("CircleFold within a session (Attendance)")
struct CircleFoldSessionTests {
    private let ada = FoldedCircle.member("ada")
    private let second: Int64 = 1_000_000

    /// A circle that one member entered at 0.
    private func circle(_ role: Role) -> FoldedCircle {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, role))
        return circle
    }

    // MARK: Hands

    @Test("a hand goes up and down again")
    func raisesHands() throws {
        var circle = circle(.listener)
        circle.at(5, .handRaised(ada))
        let raised = try #require(circle.attendance(ada)?.hands.first)
        #expect(raised.raisedAt == FoldedCircle.time(5))
        #expect(raised.loweredAt == nil)
        circle.at(9, .handLowered(ada, .withdrawn))
        let lowered = try #require(circle.attendance(ada)?.hands.first)
        #expect(lowered.loweredAt == FoldedCircle.time(9))
        #expect(lowered.reason == .withdrawn)
        #expect(circle.summary.handRaiseCount == 1)
    }

    @Test("a hand that is up cannot go up, one that is down cannot go down")
    func handsHaveTwoStates() {
        var circle = circle(.listener)
        circle.at(1, .handLowered(ada, .withdrawn))
        #expect(circle.attendance(ada)?.hands.isEmpty == true)
        circle.at(2, .handRaised(ada))
        circle.at(3, .handRaised(ada))
        #expect(circle.attendance(ada)?.hands.count == 1)
        circle.at(4, .handLowered(ada, .withdrawn))
        circle.at(5, .handLowered(ada, .left))
        #expect(circle.attendance(ada)?.hands.first?.loweredAt == FoldedCircle.time(4))
        #expect(circle.attendance(ada)?.hands.first?.reason == .withdrawn)
        circle.at(6, .handRaised(ada))
        #expect(circle.attendance(ada)?.hands.map(\.raisedAt) == [2, 6].map(FoldedCircle.time))
        #expect(circle.summary.handRaiseCount == 2)
    }

    @Test("a promotion lowers the hand")
    func promotionLowersHands() {
        var circle = circle(.listener)
        circle.at(2, .handRaised(ada))
        circle.at(7, .memberPromoted(ada, actorUID: "host", .speaker))
        #expect(circle.attendance(ada)?.hands.first?.loweredAt == FoldedCircle.time(7))
        #expect(circle.attendance(ada)?.hands.first?.reason == .promoted)
    }

    @Test("leaving lowers the hand, whichever way the session ends")
    func leavingLowersHands() {
        let ends: [Event.Payload] = [
            .memberLeft(ada, .timeout), .circleEnded(actorUID: "", .empty),
            .memberJoined(FoldedCircle.member("ada", session: 2), .listener),
        ]
        for end in ends {
            var circle = circle(.listener)
            circle.at(2, .handRaised(ada))
            circle.at(7, end)
            #expect(circle.attendance(ada)?.hands.first?.loweredAt == FoldedCircle.time(7))
            #expect(circle.attendance(ada)?.hands.first?.reason == .left)
        }
    }

    @Test("a hand that was lowered keeps its reason when the session ends")
    func leavingKeepsReasons() {
        var circle = circle(.listener)
        circle.at(2, .handRaised(ada))
        circle.at(3, .handLowered(ada, .withdrawn))
        circle.at(7, .memberLeft(ada, .left))
        #expect(circle.attendance(ada)?.hands.first?.loweredAt == FoldedCircle.time(3))
        #expect(circle.attendance(ada)?.hands.first?.reason == .withdrawn)
    }

    // MARK: Talk and stage

    @Test("talk time is the sum of what was spoken")
    func sumsTalk() {
        var circle = circle(.speaker)
        circle.at(10, .speakingStarted(ada))
        circle.at(13, .speakingStopped(ada))
        circle.at(20, .speakingStarted(ada))
        #expect(circle.attendance(ada)?.talkMicroseconds == 3 * second)
        #expect(circle.attendance(ada)?.lastSpokeAt == FoldedCircle.time(20))
        circle.at(24, .speakingStopped(ada))
        #expect(circle.attendance(ada)?.talkMicroseconds == 7 * second)
        #expect(circle.attendance(ada)?.lastSpokeAt == FoldedCircle.time(24))
    }

    @Test("a second start is part of the first, a second stop of nothing")
    func talkHasTwoStates() {
        var circle = circle(.speaker)
        circle.at(9, .speakingStopped(ada))
        #expect(circle.attendance(ada)?.lastSpokeAt == nil)
        circle.at(10, .speakingStarted(ada))
        circle.at(12, .speakingStarted(ada))
        circle.at(15, .speakingStopped(ada))
        circle.at(18, .speakingStopped(ada))
        #expect(circle.attendance(ada)?.talkMicroseconds == 5 * second)
        #expect(circle.attendance(ada)?.lastSpokeAt == FoldedCircle.time(15))
    }

    @Test("leaving and a demotion end what is being said")
    func departureEndsTalk() {
        var left = circle(.speaker)
        left.at(10, .speakingStarted(ada))
        left.at(16, .memberLeft(ada, .timeout))
        #expect(left.attendance(ada)?.talkMicroseconds == 6 * second)
        var demoted = circle(.speaker)
        demoted.at(10, .speakingStarted(ada))
        demoted.at(14, .memberDemoted(ada, actorUID: "host", .listener))
        demoted.at(30, .speakingStopped(ada))
        #expect(demoted.attendance(ada)?.talkMicroseconds == 4 * second)
    }

    @Test("time on stage is that between promotion and demotion")
    func sumsStage() {
        var circle = circle(.listener)
        circle.at(10, .memberPromoted(ada, actorUID: "host", .speaker))
        circle.at(15, .memberPromoted(ada, actorUID: "host", .coHost))
        circle.at(30, .memberDemoted(ada, actorUID: "host", .listener))
        #expect(circle.attendance(ada)?.stageMicroseconds == 20 * second)
        circle.at(40, .memberPromoted(ada, actorUID: "host", .speaker))
        circle.at(45, .memberLeft(ada, .left))
        #expect(circle.attendance(ada)?.stageMicroseconds == 25 * second)
        #expect(circle.attendance(ada)?.promotionCount == 3)
    }

    @Test("who enters on stage is on it from the start")
    func startsOnStage() {
        var circle = circle(.host)
        circle.at(60, .circleEnded(actorUID: "ada", .host))
        #expect(circle.attendance(ada)?.stageMicroseconds == 60 * second)
    }

    @Test("roles are kept in turn, with the time that each began")
    func keepsRoles() {
        var circle = circle(.listener)
        circle.at(10, .memberPromoted(ada, actorUID: "host", .speaker))
        circle.at(30, .memberDemoted(ada, actorUID: "host", .listener))
        let attendance = circle.attendance(ada)
        #expect(attendance?.roles.map(\.role) == [.listener, .speaker, .listener])
        #expect(attendance?.roles.map(\.at) == [0, 10, 30].map(FoldedCircle.time))
        #expect(attendance?.role == .listener)
        #expect(
            attendance?.rolesJSON == """
                [{"role": "listener", "at": 1795426200000000}, \
                {"role": "speaker", "at": 1795426210000000}, \
                {"role": "listener", "at": 1795426230000000}]
                """)
    }

    // MARK: Moderation

    @Test("muting counts, unmuting undoes it, a demotion too")
    func mutes() {
        var circle = circle(.speaker)
        circle.at(1, .memberMuted(ada, actorUID: "host"))
        #expect(circle.attendance(ada)?.isMuted == true)
        circle.at(2, .memberUnmuted(ada, actorUID: "host"))
        #expect(circle.attendance(ada)?.isMuted == false)
        circle.at(3, .memberMuted(ada, actorUID: "host"))
        circle.at(4, .memberDemoted(ada, actorUID: "host", .listener))
        #expect(circle.attendance(ada)?.isMuted == false)
        #expect(circle.summary.muteCount == 2)
    }

    @Test("a kick is remembered and ends the session with the leave that follows it")
    func kicks() {
        var circle = circle(.listener)
        circle.at(1, .memberKicked(ada, actorUID: "host", reason: "noise"))
        #expect(circle.attendance(ada)?.wasKicked == true)
        #expect(circle.attendance(ada)?.isOpen == true)
        circle.at(1, .memberLeft(ada, .kicked))
        circle.at(2, .memberBanned(uid: "ada", actorUID: "host", reason: "noise"))
        #expect(circle.attendance(ada)?.leaveReason == .kicked)
        #expect(circle.summary.kickCount == 1)
        #expect(circle.summary.banCount == 1)
    }

    // MARK: Media

    @Test("media keeps the times of its first connection")
    func connectsMedia() {
        var circle = circle(.listener)
        #expect(circle.attendance(ada)?.isConnected == false)
        #expect(circle.attendance(ada)?.media == nil)
        circle.at(
            1,
            .mediaConnected(
                ada, iceMilliseconds: 40, dtlsMilliseconds: 90, firstPacketMilliseconds: 110))
        #expect(circle.attendance(ada)?.isConnected == true)
        circle.at(2, .mediaDisconnected(ada))
        #expect(circle.attendance(ada)?.isConnected == false)
        circle.at(
            3,
            .mediaConnected(
                ada, iceMilliseconds: 1, dtlsMilliseconds: 2, firstPacketMilliseconds: 3))
        #expect(circle.attendance(ada)?.isConnected == true)
        #expect(circle.attendance(ada)?.media?.iceMilliseconds == 40)
        #expect(circle.attendance(ada)?.media?.dtlsMilliseconds == 90)
        #expect(circle.attendance(ada)?.media?.firstPacketMilliseconds == 110)
    }

    @Test("who has left is not connected")
    func leavingDisconnects() {
        var circle = circle(.listener)
        circle.at(
            1,
            .mediaConnected(
                ada, iceMilliseconds: 1, dtlsMilliseconds: 2, firstPacketMilliseconds: 3))
        circle.at(2, .memberLeft(ada, .left))
        #expect(circle.attendance(ada)?.isConnected == false)
        #expect(circle.attendance(ada)?.media != nil)
    }
}
