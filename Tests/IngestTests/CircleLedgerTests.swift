import Domain
import Testing

@testable import Ingest

@Suite("CircleLedger and late events")
struct CircleLedgerTests {
    private static func circle(joins: Int) -> [Event] {
        var circle = FoldedCircle()
        for index in 0..<joins {
            circle.at(
                Int64(index), .memberJoined(FoldedCircle.member("m\(index)"), .listener))
        }
        return circle.events
    }

    private func ledger(_ events: some Sequence<Event>) -> CircleLedger {
        let ledger = CircleLedger(circleID: FoldedCircle().fold.circleID)
        for event in events { _ = ledger.accept(event, record: []) }
        #expect(ledger.foldUnfolded() == .appended)
        for attendance in ledger.takeChanges() { attendance.isStored = true }
        ledger.markWritten()
        return ledger
    }

    @Test("the order within a batch does not matter")
    func sortsBatches() {
        #expect(ledger(Self.circle(joins: 40).reversed()).fold.summary.peakListeners == 40)
    }

    @Test("an event that belongs among the last ones is put in without history")
    func refoldsRecent() {
        var events = Self.circle(joins: 700)
        let late = events.remove(at: 300)
        let ledger = ledger(events)
        _ = ledger.accept(late, record: [])
        #expect(ledger.foldUnfolded() == .refolded)
        #expect(ledger.fold.summary.attendanceCount == 700)
        // Nobody else's row is other than before.
        #expect(ledger.takeChanges().map(\.uid) == ["m300"])
        #expect(ledger.replacedSessions.isEmpty)
    }

    @Test("memory is bounded, and what is older than it reaches needs history")
    func oldOnesNeedHistory() {
        var events = Self.circle(joins: 5000)
        let late = events.remove(at: 10)
        let ledger = ledger(events)
        #expect(ledger.recentCount >= CircleLedger.recentCountMin)
        #expect(ledger.recentCount < 2 * CircleLedger.recentCountMin)
        _ = ledger.accept(late, record: [])
        #expect(ledger.foldUnfolded() == .needsHistory)
        ledger.rebuild(from: events)
        #expect(ledger.isRebuilt && ledger.fold.summary.attendanceCount == 5000)
        // From here on, memory serves again.
        _ = ledger.takeChanges()
        ledger.markWritten()
        let last = events[events.count - 1]
        var another = last
        another.position.sequence += 1
        another.occurredAt = events[events.count - 100].occurredAt.adding(microseconds: 1)
        another.payload = .handRaised(FoldedCircle.member("m4000"))
        _ = ledger.accept(another, record: [])
        #expect(ledger.foldUnfolded() == .refolded)
        #expect(ledger.takeChanges().map(\.uid) == ["m4000"])
    }

    @Test("a ledger without memory needs history once, and then has it again")
    func forgets() {
        var events = Self.circle(joins: 20)
        let late = [events.remove(at: 15), events.remove(at: 10)]
        let ledger = ledger(events.dropLast())
        ledger.forgetRecent()
        #expect(ledger.recentCount == 0)
        _ = ledger.accept(late[0], record: [])
        #expect(ledger.foldUnfolded() == .needsHistory)
        ledger.rebuild(from: Array(events.dropLast()))
        _ = ledger.accept(late[1], record: [])
        #expect(ledger.foldUnfolded() == .refolded)
        #expect(ledger.fold.summary.attendanceCount == 19)
    }

    @Test("a session that a late event undoes loses its rows")
    func undoesSessions() {
        var circle = FoldedCircle()
        let (ada, bob) = (FoldedCircle.member("ada"), FoldedCircle.member("bob"))
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(5, .circleEnded(actorUID: "host", .host))
        circle.at(9, .memberJoined(bob, .listener))
        let end = circle.events[1]
        let ledger = ledger([circle.events[0], circle.events[2]])
        #expect(ledger.fold.attendances.count == 2)
        _ = ledger.accept(end, record: [])
        #expect(ledger.foldUnfolded() == .refolded)
        #expect(ledger.replacedSessions == [ada.sessionID, bob.sessionID])
        #expect(ledger.takeChanges().map(\.uid) == ["ada"])
        #expect(ledger.fold.attendances[bob.sessionID] == nil)
    }

    @Test("heavy events are kept in smaller number")
    func weighsEvents() {
        var circle = FoldedCircle()
        let members = (0..<100).map {
            Event.SnapshotMember(
                member: FoldedCircle.member("m\($0)"), isSpeaking: false)
        }
        for second in 0..<300 {
            circle.at(Int64(second), (source: "sfu-1", epoch: 1), .nodeSnapshot(members))
        }
        let ledger = ledger(circle.events)
        #expect(ledger.recentWeight <= CircleLedger.recentWeightMax)
        #expect((20...81).contains(ledger.recentCount))
    }
}
