import Domain
import Testing

@testable import Ingest

@Suite("CircleFold presence and totals")
struct CircleFoldTests {
    private let host = FoldedCircle.member("host")
    private let ada = FoldedCircle.member("ada")
    private let bob = FoldedCircle.member("bob")
    private let cleo = FoldedCircle.member("cleo")
    private let second: Int64 = 1_000_000

    // MARK: The circle

    @Test("its own events set its times and its latest details")
    func followsTheCircle() {
        var circle = FoldedCircle()
        var changed = FoldedCircle.details
        changed.title = "Another"
        circle.at(0, .circleCreated(FoldedCircle.details))
        circle.at(1, .circleUpdated(changed, actorUID: "host"))
        circle.at(2, .circleStarted(actorUID: "host"))
        circle.at(9, .circleEnded(actorUID: "host", .host))
        #expect(circle.summary.details == changed)
        #expect(circle.summary.createdAt == FoldedCircle.time(0))
        #expect(circle.summary.startedAt == FoldedCircle.time(2))
        #expect(circle.summary.endedAt == FoldedCircle.time(9))
        #expect(circle.summary.endReason == .host)
    }

    @Test("the first start and the first end count")
    func keepsTheFirst() {
        var circle = FoldedCircle()
        circle.at(0, .circleStarted(actorUID: "host"))
        circle.at(1, .circleStarted(actorUID: "host"))
        circle.at(8, .circleEnded(actorUID: "", .overrun))
        circle.at(9, .circleEnded(actorUID: "host", .host))
        #expect(circle.summary.startedAt == FoldedCircle.time(0))
        #expect(circle.summary.endedAt == FoldedCircle.time(8))
        #expect(circle.summary.endReason == .overrun)
    }

    @Test("an event that we do not know changes no state, but has its place in the order")
    func ignoresUnknown() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        _ = circle.takeChanges()
        let before = circle.summary
        circle.at(5, .unknown)
        #expect(circle.summary == before)
        #expect(circle.takeChanges().isEmpty)
        #expect(circle.fold.lastKey == circle.events[1].canonicalKey)
    }

    // MARK: Peaks

    @Test("a peak is the most at once, at the moment that it was first reached")
    func findsPeaks() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(host, .host))
        circle.at(1, .memberJoined(ada, .listener))
        circle.at(2, .memberJoined(bob, .listener))
        circle.at(3, .memberLeft(ada, .left))
        circle.at(4, .memberJoined(cleo, .listener))
        #expect(circle.summary.peakListeners == 2)
        #expect(circle.summary.peakListenersAt == FoldedCircle.time(2))
        #expect(circle.summary.peakSpeakers == 1)
        #expect(circle.summary.peakSpeakersAt == FoldedCircle.time(0))
    }

    @Test("hosts and co-hosts count as speakers, and nobody counts as both")
    func countsTheStage() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(host, .host))
        circle.at(1, .memberJoined(ada, .coHost))
        circle.at(2, .memberJoined(bob, .speaker))
        #expect(circle.summary.peakSpeakers == 3)
        #expect(circle.summary.peakListeners == 0)
        #expect(circle.summary.peakListenersAt == nil)
    }

    @Test("a promotion moves a listener to the stage")
    func promotionMoves() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(host, .host))
        circle.at(1, .memberJoined(ada, .listener))
        circle.at(2, .memberPromoted(ada, actorUID: "host", .speaker))
        circle.at(3, .memberJoined(bob, .listener))
        #expect(circle.summary.peakSpeakers == 2)
        #expect(circle.summary.peakSpeakersAt == FoldedCircle.time(2))
        #expect(circle.summary.peakListeners == 1)
        #expect(circle.summary.peakListenersAt == FoldedCircle.time(1))
        #expect(circle.summary.promotionCount == 1)
    }

    @Test("a demotion moves a speaker to the audience")
    func demotionMoves() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .speaker))
        circle.at(1, .memberJoined(bob, .listener))
        circle.at(2, .memberDemoted(ada, actorUID: "host", .listener))
        #expect(circle.summary.peakListeners == 2)
        #expect(circle.summary.peakListenersAt == FoldedCircle.time(2))
        circle.at(3, .memberJoined(cleo, .speaker))
        #expect(circle.summary.peakSpeakers == 1)
        #expect(circle.summary.peakSpeakersAt == FoldedCircle.time(0))
        #expect(circle.summary.demotionCount == 1)
    }

    // MARK: Stays

    @Test("participant time is the sum of the stays that are over")
    func sumsStays() throws {
        var circle = FoldedCircle()
        circle.at(10, .memberJoined(ada, .listener))
        circle.at(20, .memberJoined(bob, .listener))
        circle.at(30, .memberJoined(cleo, .listener))
        #expect(circle.summary.participantMicroseconds == 0)
        circle.at(40, .memberLeft(ada, .left))
        circle.at(50, .memberLeft(bob, .timeout))
        #expect(circle.summary.participantMicroseconds == 60 * second)
        let stay = try #require(circle.attendance(bob))
        #expect(stay.joinedAt == FoldedCircle.time(20))
        #expect(stay.leftAt == FoldedCircle.time(50))
        #expect(stay.leaveReason == .timeout)
        #expect(circle.attendance(cleo)?.isOpen == true)
    }

    @Test("who comes back has a second attendance and is still one member")
    func countsReturns() {
        let again = FoldedCircle.member("ada", session: 2)
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(5, .memberLeft(ada, .left))
        circle.at(20, .memberJoined(again, .listener))
        circle.at(27, .memberLeft(again, .kicked))
        #expect(circle.summary.attendanceCount == 2)
        #expect(circle.summary.memberCount == 1)
        #expect(circle.summary.peakListeners == 1)
        #expect(circle.summary.participantMicroseconds == 12 * second)
        #expect(circle.attendance(ada)?.leaveReason == .left)
        #expect(circle.attendance(again)?.leaveReason == .kicked)
    }

    @Test("a newer session of a member ends the one that is open")
    func newerSessionWins() {
        let again = FoldedCircle.member("ada", session: 2)
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(8, .memberJoined(again, .listener))
        #expect(circle.attendance(ada)?.leftAt == FoldedCircle.time(8))
        #expect(circle.attendance(ada)?.leaveReason == .left)
        #expect(circle.attendance(again)?.isOpen == true)
        #expect(circle.summary.peakListeners == 1)
        #expect(circle.summary.participantMicroseconds == 8 * second)
    }

    @Test("events of an old session change nothing")
    func ignoresOldSessions() {
        let again = FoldedCircle.member("ada", session: 2)
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(1, .memberJoined(again, .listener))
        _ = circle.takeChanges()
        let before = circle.summary
        let late: [Event.Payload] = [
            .memberLeft(ada, .timeout), .memberPromoted(ada, actorUID: "host", .speaker),
            .memberDemoted(ada, actorUID: "host", .listener), .memberMuted(ada, actorUID: "host"),
            .memberUnmuted(ada, actorUID: "host"),
            .memberKicked(ada, actorUID: "host", reason: ""), .handRaised(ada),
            .handLowered(ada, .withdrawn),
            .mediaConnected(
                ada, iceMilliseconds: 1, dtlsMilliseconds: 2, firstPacketMilliseconds: 3),
            .mediaDisconnected(ada), .speakingStarted(ada), .speakingStopped(ada),
            .memberJoined(ada, .listener),
        ]
        for payload in late { circle.at(2, payload) }
        #expect(circle.summary == before)
        #expect(circle.takeChanges().isEmpty)
        #expect(circle.attendance(again)?.isOpen == true)
        #expect(circle.attendance(ada)?.leftAt == FoldedCircle.time(1))
    }

    @Test("events of one who never joined change nothing")
    func ignoresStrangers() {
        var circle = FoldedCircle()
        circle.at(0, .memberLeft(ada, .left))
        circle.at(1, .handRaised(ada))
        circle.at(2, .speakingStarted(ada))
        circle.at(3, .memberPromoted(ada, actorUID: "host", .speaker))
        #expect(circle.summary == CircleFold.Summary())
        #expect(circle.fold.attendances.isEmpty)
    }

    @Test("the same join twice is one")
    func joinsOnce() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(1, .memberJoined(ada, .speaker))
        #expect(circle.summary.attendanceCount == 1)
        #expect(circle.attendance(ada)?.role == .listener)
        #expect(circle.attendance(ada)?.joinedAt == FoldedCircle.time(0))
    }

    // MARK: The end

    @Test("the circle's end ends every stay")
    func endClosesAll() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(host, .host))
        circle.at(10, .memberJoined(ada, .listener))
        circle.at(30, .circleEnded(actorUID: "host", .host))
        for member in [host, ada] {
            #expect(circle.attendance(member)?.leftAt == FoldedCircle.time(30))
            #expect(circle.attendance(member)?.leaveReason == .circleEnded)
        }
        #expect(circle.summary.participantMicroseconds == 50 * second)
        circle.at(31, .memberLeft(ada, .left))
        #expect(circle.attendance(ada)?.leftAt == FoldedCircle.time(30))
        #expect(circle.summary.participantMicroseconds == 50 * second)
    }

    @Test("a join after the end is ignored")
    func ignoresLateJoins() {
        var circle = FoldedCircle()
        circle.at(0, .circleEnded(actorUID: "host", .host))
        circle.at(1, .memberJoined(ada, .listener))
        #expect(circle.attendance(ada) == nil)
        #expect(circle.summary.attendanceCount == 0)
        #expect(circle.summary.memberCount == 0)
        #expect(circle.summary.peakListeners == 0)
    }

    @Test("changes are those since they were last taken, each session once")
    func takesChanges() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(1, .memberJoined(bob, .listener))
        circle.at(2, .handRaised(ada))
        #expect(circle.takeChanges() == [ada.sessionID, bob.sessionID])
        #expect(circle.takeChanges().isEmpty)
        circle.at(3, .handLowered(ada, .withdrawn))
        #expect(circle.takeChanges() == [ada.sessionID])
    }
}
