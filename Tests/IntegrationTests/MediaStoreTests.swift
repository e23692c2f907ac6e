import BlockingThread
import Database
import Domain
import EventSchema
import TestKit
import Testing

@testable import CircleStore

@Suite("What nodes ask of CircleStore, against PostgreSQL")
struct MediaStoreTests {
    // MARK: Nodes

    @Test("a node's epoch rises with every start, and an older one learns that it is over")
    func epochsRise() async throws {
        let test = try TestStore()
        let first = try await test.nodeStore.registerNode("sfu-1", url: "http://one/")
        let second = try await test.nodeStore.registerNode("sfu-1", url: "http://two")
        #expect((first, second) == (1, 2))
        #expect(
            try await !test.nodeStore.heartbeat("sfu-1", epoch: 1, circleCount: 0, memberCount: 0))
        #expect(
            try await test.nodeStore.heartbeat("sfu-1", epoch: 2, circleCount: 3, memberCount: 40))
        #expect(
            try await test.text("select url, epoch, circle_count, member_count from sfu_nodes")
                == "http://two|2|3|40")
        try await test.nodeStore.retireNode("sfu-1", epoch: 2)
        #expect(
            try await !test.nodeStore.heartbeat("sfu-1", epoch: 2, circleCount: 0, memberCount: 0))
        #expect(try await test.nodeStore.registerNode("sfu-1", url: "http://two") == 3)
    }

    @Test("twenty starts at once get twenty epochs")
    func epochsAreUnique() async throws {
        let test = try TestStore()
        let epochs = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<20 {
                group.addTask { try await test.nodeStore.registerNode("sfu-1", url: "http://one") }
            }
            return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
        }
        #expect(epochs == Set(1...20))
    }

    @Test("a circle stays on its node while that lives, and then finds another")
    func placementsStick() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock)
        let circleID = try await test.makeCircle()
        #expect(try await test.nodeStore.place(circleID) == nil)
        _ = try await test.nodeStore.registerNode("sfu-1", url: "http://one")
        #expect(try await test.nodeStore.place(circleID)?.url == "http://one")
        // Whichever of the many hashing would choose: the circle is where it is.
        for index in 2...20 {
            _ = try await test.nodeStore.registerNode("sfu-\(index)", url: "http://\(index)")
        }
        #expect(try await test.nodeStore.place(circleID)?.nodeID == "sfu-1")
        try await test.nodeStore.drainNode("sfu-1", epoch: 1)
        #expect(try await test.nodeStore.place(circleID)?.nodeID == "sfu-1")
        clock.advance(seconds: Limits.nodeSilenceSecondsMax)
        #expect(
            try await test.nodeStore.heartbeat("sfu-1", epoch: 1, circleCount: 1, memberCount: 1))
        #expect(
            try await test.nodeStore.heartbeat("sfu-2", epoch: 1, circleCount: 0, memberCount: 0))
        clock.advance(seconds: 1)
        // All others have been silent for too long.
        #expect(try await test.nodeStore.place(circleID)?.nodeID == "sfu-1")
        try await test.nodeStore.retireNode("sfu-1", epoch: 1)
        #expect(try await test.nodeStore.place(circleID)?.nodeID == "sfu-2")
        #expect(
            try await test.text("select node_id from circle_placements") == "sfu-2")
        clock.advance(seconds: Limits.nodeSilenceSecondsMax)
        #expect(try await test.nodeStore.place(circleID) == nil)
    }

    @Test("those who place at once agree")
    func placersAgree() async throws {
        let test = try TestStore(clock: ManualClock(), poolSize: 8)
        for index in 1...8 {
            _ = try await test.nodeStore.registerNode("sfu-\(index)", url: "http://\(index)")
        }
        let circleID = try await test.makeCircle()
        let nodes = try await withThrowingTaskGroup(of: String?.self) { group in
            for index in 0..<24 {
                group.addTask {
                    try await test.store.join(circleID, by: Caller(uid: "m-\(index)")).node?.nodeID
                }
                group.addTask { try await test.nodeStore.place(circleID)?.nodeID }
            }
            return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(nodes.count == 1 && nodes.first != .some(nil))
    }

    @Test("only live circles are placed, and an unknown one is not")
    func placesLiveCircles() async throws {
        let test = try TestStore()
        _ = try await test.nodeStore.registerNode("sfu-1", url: "http://one")
        let scheduled = try await test.store.create(
            test.draft(startsNow: false), by: Caller(uid: "host"))
        #expect(scheduled.node == nil)
        #expect(try await test.nodeStore.place(scheduled.circle.circleID) == nil)
        #expect(try await test.nodeStore.place(CircleID(now: test.clock.now())) == nil)
        #expect(try await test.number("select count(*) from circle_placements") == 0)
    }

    // MARK: Sessions

    @Test("the media state is what commands left: seats, mutes, bans, number of the last event")
    func showsMediaState() async throws {
        let test = try TestStore()
        let host = Caller(uid: "host")
        // Secret: a node needs no invitation.
        let circleID = try await test.makeCircle(privacy: .secret, invited: ["ada", "troll"])
        _ = try await test.store.join(circleID, by: Caller(uid: "ada"))
        try await test.bringOnStage("ada", in: circleID)
        _ = try await test.store.mute("ada", in: circleID, by: host)
        try await test.store.kick("troll", in: circleID, reason: "", bans: true, by: host)
        let state = try #require(try await test.nodeStore.mediaState(circleID))
        #expect(state.status == .live && state.micPolicy == .handRaise)
        #expect(state.seats.map(\.uid) == ["host", "ada"])
        #expect(state.seats.map(\.role) == [.host, .speaker])
        #expect(state.seats.map(\.isMuted) == [false, true])
        let last = try EventCodec.decode(try #require(try await test.outboxRecords().last))
        #expect(state.eventSequence == last.position.sequence)
        let unknown = CircleID(now: test.clock.now())
        #expect(try await test.nodeStore.mediaState(unknown) == nil)
        #expect(
            try await test.nodeStore.circleVersions([circleID, unknown]) == [
                circleID: CircleVersion(eventSequence: state.eventSequence, status: .live)
            ])
    }

    @Test("a lost session gives its seat up once, with its hand, and never a newer one's")
    func endsSessions() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle(privacy: .secret, invited: ["ada"])
        let ada = Caller(uid: "ada")
        let first = try #require(try await test.store.join(circleID, by: ada).seat)
        _ = try await test.store.raiseHand(circleID, by: ada)
        let before = try await test.outboxRecords().count
        #expect(
            try await test.nodeStore.endSession(first.sessionID, in: circleID, reason: .timeout))
        #expect(
            try await !test.nodeStore.endSession(first.sessionID, in: circleID, reason: .timeout))
        let events = try await test.outboxRecords().dropFirst(before).map {
            try EventCodec.decode($0).payload
        }
        let member = Event.Member(uid: "ada", sessionID: first.sessionID)
        #expect(events == [.handLowered(member, .left), .memberLeft(member, .timeout)])
        let second = try #require(try await test.store.join(circleID, by: ada).seat)
        #expect(
            try await !test.nodeStore.endSession(first.sessionID, in: circleID, reason: .timeout))
        #expect(try await test.nodeStore.mediaState(circleID)?.seats.last == second)
        let unknown = CircleID(now: test.clock.now())
        #expect(try await !test.nodeStore.endSession(second.sessionID, in: unknown, reason: .left))
    }

    @Test("a lease that is renewed keeps its seat, and renewing waits for no command")
    func renewsLeases() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock, seatLeaseSeconds: 60)
        let circleID = try await test.makeCircle(maxListeners: 2)
        let ada = try #require(
            try await test.store.join(circleID, by: Caller(uid: "ada")).seat)
        let bob = try #require(
            try await test.store.join(circleID, by: Caller(uid: "bob")).seat)
        clock.advance(seconds: 50)
        // A command holds bob's seat meanwhile.
        let url = test.databaseURL
        let command = try await BlockingThread.run(name: "command") {
            let connection = try Connection(url: url, applicationName: "tests")
            try connection.script("begin; select from seats where uid = 'bob' for update")
            return Held(connection)
        }
        try await test.nodeStore.renewLeases([ada.sessionID, bob.sessionID])
        try await BlockingThread.run(name: "command") { try command.value.script("rollback") }
        clock.advance(seconds: 20)
        // Full, so those whose lease has run out make room.
        _ = try await test.store.join(circleID, by: Caller(uid: "cyd"))
        let uids = try await test.nodeStore.mediaState(circleID)?.seats.map(\.uid) ?? []
        #expect(uids.contains("ada") && uids.contains("cyd") && !uids.contains("bob"))
    }

    @Test("a node that starts anew finds its circles, and who has had media in them")
    func findsFormerSessions() async throws {
        let test = try TestStore(clock: ManualClock())
        _ = try await test.nodeStore.registerNode("sfu-1", url: "http://one")
        let circleID = try await test.makeCircle()
        let ada = try #require(
            try await test.store.join(circleID, by: Caller(uid: "ada")).seat)
        let bob = try #require(
            try await test.store.join(circleID, by: Caller(uid: "bob")).seat)
        try await Self.attend(ada, iceMilliseconds: 5, circleID, test)
        try await Self.attend(bob, iceMilliseconds: nil, circleID, test)
        #expect(try await test.nodeStore.circlesPlaced(onNode: "sfu-1") == [circleID])
        #expect(try await test.nodeStore.circlesPlaced(onNode: "sfu-2") == [])
        #expect(
            try await test.nodeStore.sessionsWithMedia(onNode: "sfu-1")
                == [CircleSession(circleID: circleID, uid: "ada", sessionID: ada.sessionID)])
        #expect(try await test.nodeStore.sessionsWithMedia(onNode: "sfu-2") == [])
        // Who has left and come back has another session, which has had none.
        try await test.store.leave(circleID, by: Caller(uid: "ada"))
        _ = try await test.store.join(circleID, by: Caller(uid: "ada"))
        #expect(try await test.nodeStore.sessionsWithMedia(onNode: "sfu-1") == [])
        _ = try await test.store.end(circleID, by: Caller(uid: "host"))
        #expect(try await test.nodeStore.circlesPlaced(onNode: "sfu-1") == [])
    }

    /// Stores an attendance as Ingest would.
    private static func attend(
        _ seat: Seat, iceMilliseconds: Int?, _ circleID: CircleID, _ test: TestStore
    ) async throws {
        try await test.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into attendances (
                    circle_id, session_id, uid, joined_at, first_role, last_role, roles, stage_us,
                    talk_us, hand_raise_count, promotion_count, was_kicked, ice_ms
                )
                values (
                    \(circleID), \(seat.sessionID), \(seat.uid), \(seat.joinedAt), 'listener',
                    'listener', '[]', 0, 0, 0, 0, false, \(iceMilliseconds.map(Int32.init))
                )
                """)
        }
    }
}
