import CircleStore
import Database
import Domain
import EventSchema
import TestKit
import Testing

@Suite("Commands on circles, against PostgreSQL")
struct CircleStoreTests {
    /// Runs commands at once and counts what came of them; `nil` stands for success.
    private func outcomes(
        _ range: ClosedRange<Int>, _ command: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> [CommandError?: Int] {
        try await withThrowingTaskGroup(of: CommandError?.self) { group in
            for index in range {
                group.addTask {
                    do {
                        try await command(index)
                        return nil
                    } catch let error as CommandError {
                        return error
                    }
                }
            }
            var counts: [CommandError?: Int] = [:]
            for try await outcome in group { counts[outcome, default: 0] += 1 }
            return counts
        }
    }

    @Test("500 simultaneous joins give exactly 100 listeners")
    func listenersAreExact() async throws {
        let test = try TestStore(poolSize: 16)
        let circleID = try await test.makeCircle()
        let counts = try await outcomes(1...500) { index in
            _ = try await test.store.join(circleID, by: Caller(uid: "listener-\(index)"))
        }
        #expect(counts == [nil: 100, .listenersFull: 400])
        #expect(try await test.number("select count(*) from seats where role = 'listener'") == 100)
    }

    @Test("200 simultaneous promotes never give a ninth speaker")
    func speakersAreExact() async throws {
        let test = try TestStore(poolSize: 16)
        let circleID = try await test.makeCircle()
        for index in 1...100 {
            let caller = Caller(uid: "listener-\(index)")
            _ = try await test.store.join(circleID, by: caller)
            _ = try await test.store.raiseHand(circleID, by: caller)
        }
        let counts = try await outcomes(1...200) { index in
            _ = try await test.store.promote(
                "listener-\((index - 1) % 100 + 1)", in: circleID, by: Caller(uid: "host"))
        }
        #expect(counts[nil] == 7)
        #expect(try await test.number("select count(*) from seats where role <> 'listener'") == 8)
    }

    @Test("20 simultaneous creations give exactly 5 a day, and the next day more")
    func creationsAreExact() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let counts = try await outcomes(1...20) { _ in
            _ = try await test.store.create(test.draft(), by: Caller(uid: "host"))
        }
        #expect(counts == [nil: 5, .creationLimitReached: 15])
        clock.advance(seconds: 86_401)
        _ = try await test.store.create(test.draft(), by: Caller(uid: "host"))
    }

    @Test("sequence numbers have no gap and times rise, whatever runs at once and the clock does")
    func numberingIsGapFree() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock, poolSize: 16)
        let circleID = try await test.makeCircle()
        clock.advance(seconds: -3600)
        _ = try await outcomes(1...60) { index in
            let caller = Caller(uid: "listener-\(index % 20)")
            _ = try await test.store.join(circleID, by: caller)
            _ = try await test.store.raiseHand(circleID, by: caller)
            if index.isMultiple(of: 3) { try await test.store.leave(circleID, by: caller) }
        }
        _ = try await test.store.end(circleID, by: Caller(uid: "host"))
        let events = try await test.outboxRecords().map { try EventCodec.decode($0) }
        #expect(events.map(\.position.sequence) == Array(1...Int64(events.count)))
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.occurredAt < $1.occurredAt })
        #expect(try await test.number("select event_seq from circles") == events.count)
    }

    @Test("joining again resumes the seat: same session, no event")
    func rejoinResumes() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        let guest = Caller(uid: "guest")
        let first = try await test.store.join(circleID, by: guest)
        let position = try await test.store.raiseHand(circleID, by: guest)
        let before = try await test.outboxRecords().count
        let again = try await test.store.join(circleID, by: guest)
        #expect(again.isResumed && !first.isResumed)
        #expect(again.seat?.sessionID == first.seat?.sessionID)
        #expect(again.seat?.handRaisedAt != nil && position == 1)
        #expect(try await test.outboxRecords().count == before)
        try await test.store.leave(circleID, by: guest)
        let later = try await test.store.join(circleID, by: guest)
        #expect(later.seat?.sessionID != first.seat?.sessionID)
    }

    @Test("a kicked member may come back, a banned one may not, and a ban takes co-hosting away")
    func kickAndBan() async throws {
        let test = try TestStore()
        let host = Caller(uid: "host")
        let circleID = try await test.makeCircle(coHosts: ["helper"])
        for uid in ["guest", "troll", "helper"] {
            _ = try await test.store.join(circleID, by: Caller(uid: uid))
        }
        try await test.store.kick("guest", in: circleID, reason: "", bans: false, by: host)
        _ = try await test.store.join(circleID, by: Caller(uid: "guest"))
        try await test.store.kick("troll", in: circleID, reason: "noise", bans: true, by: host)
        await #expect(throws: CommandError.banned) {
            try await test.store.join(circleID, by: Caller(uid: "troll"))
        }
        await #expect(throws: CommandError.forbidden) {
            try await test.store.kick(
                "helper", in: circleID, reason: "", bans: true, by: Caller(uid: "guest"))
        }
        try await test.store.kick("helper", in: circleID, reason: "", bans: true, by: host)
        await #expect(throws: CommandError.forbidden) {
            try await test.store.kick(
                "guest", in: circleID, reason: "", bans: false, by: Caller(uid: "helper"))
        }
        await #expect(throws: CommandError.targetIsHost) {
            try await test.store.kick("host", in: circleID, reason: "", bans: true, by: host)
        }
    }

    @Test("a full audience makes room from leases that ran out, and only from these")
    func expiredLeasesMakeRoom() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock, seatLeaseSeconds: 60)
        let circleID = try await test.makeCircle(maxListeners: 2)
        _ = try await test.store.join(circleID, by: Caller(uid: "gone"))
        clock.advance(seconds: 50)
        _ = try await test.store.join(circleID, by: Caller(uid: "here"))
        _ = try await test.store.join(circleID, by: Caller(uid: "host"))
        await #expect(throws: CommandError.listenersFull) {
            try await test.store.join(circleID, by: Caller(uid: "third"))
        }
        clock.advance(seconds: 20)
        _ = try await test.store.join(circleID, by: Caller(uid: "third"))
        #expect(
            try await test.text("select uid from seats where role = 'listener' order by uid")
                == "here\nthird")
        let left = try await test.outboxRecords().map { try EventCodec.decode($0).payload }
            .filter { $0.typeName == "memberLeft" }
        #expect(left.map(\.reason) == ["leaseExpired"])
    }

    @Test("the host opens a scheduled circle by joining near its start, nobody else does")
    func hostOpensByJoining() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let startAt = clock.now().adding(seconds: 3600)
        let circleID = try await test.store.create(
            test.draft(startsNow: false, startAt: startAt), by: Caller(uid: "host")
        ).circle.circleID
        await #expect(throws: CommandError.circleNotStarted) {
            try await test.store.join(circleID, by: Caller(uid: "host"))
        }
        clock.advance(seconds: 3600 - Limits.earlyStartSeconds)
        await #expect(throws: CommandError.circleNotStarted) {
            try await test.store.join(circleID, by: Caller(uid: "guest"))
        }
        let admission = try await test.store.join(circleID, by: Caller(uid: "host"))
        #expect(admission.circle.status == .live && admission.seat?.role == .host)
        await #expect(throws: CommandError.circleAlreadyStarted) {
            try await test.store.update(circleID, CirclePatch(), by: Caller(uid: "host"))
        }
    }

    @Test("a co-host who finds the stage full sits in the audience")
    func coHostFindsStageFull() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle(coHosts: ["helper"], maxSpeakers: 2)
        _ = try await test.store.join(circleID, by: Caller(uid: "guest"))
        try await test.bringOnStage("guest", in: circleID)
        let admission = try await test.store.join(circleID, by: Caller(uid: "helper"))
        #expect(admission.seat?.role == .listener)
    }

    @Test("ending empties the seats, hands first, and puts one end at the end")
    func endEmptiesSeats() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        for uid in ["ada", "bob"] { _ = try await test.store.join(circleID, by: Caller(uid: uid)) }
        _ = try await test.store.raiseHand(circleID, by: Caller(uid: "bob"))
        _ = try await test.store.end(circleID, by: Caller(uid: "host"))
        let types = try await test.outboxRecords().map {
            try EventCodec.decode($0).payload.typeName
        }
        #expect(
            types.suffix(5) == [
                "memberLeft", "memberLeft", "handLowered", "memberLeft", "circleEnded",
            ])
        #expect(try await test.number("select count(*) from seats") == 0)
        await #expect(throws: CommandError.circleEnded) {
            try await test.store.end(circleID, by: Caller(uid: "host"))
        }
    }
}
