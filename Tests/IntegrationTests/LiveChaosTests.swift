import CircleStore
import Database
import Domain
import EventLog
import EventSchema
import BlockingThread
import Glibc
import TestKit
import Testing

@testable import API

@Suite("Live updates when much goes wrong", .serialized)
struct LiveChaosTests {
    /// Follows a circle to its end, hanging up and coming back at random.
    private static func follow(
        _ stack: LiveStack, _ circleID: CircleID, as uid: String, seed: UInt64
    ) async throws -> (client: LiveClient, text: String) {
        var random = SeededGenerator(seed: seed)
        var client = LiveClient()
        // The state before the end empties it.
        var text = ""
        while !client.hasEnded {
            var left = Int.random(in: 1...25, using: &random)
            try await stack.follow(circleID, as: uid, lastEventID: client.last) { message in
                if message.name == "circleEnded" { text = client.text }
                client.take(message)
                left -= 1
                return left > 0
            }
        }
        return (client, text)
    }

    @Test("20 random lives: each reader who drops and resumes has 1 to n, once, and the state")
    func randomLives() async throws {
        try await LiveStack.run { stack in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in UInt64(1)...20 {
                    group.addTask { try await Self.live(stack, seed: number) }
                }
                try await group.waitForAll()
            }
            #expect(try await stack.pipeline.findings() == [])
        }
    }

    private static func live(_ stack: LiveStack, seed: UInt64) async throws {
        let host = "host-\(seed)"
        let circleID = try await stack.test.makeCircle(host: host)
        async let first = follow(stack, circleID, as: "r1-\(seed)", seed: seed)
        async let second = follow(stack, circleID, as: "r2-\(seed)", seed: seed &+ 1_000)
        try await act(stack, circleID, host, seed: seed)
        try await stack.pipeline.waitUntil("all is stored") {
            try await stack.test.number(
                "select count(*) from outbox where circle_id = \(circleID)") == 0
        }
        // Somebody who comes now, and what the tables say.
        let table = try await stack.table(circleID)
        var late = LiveClient()
        try await stack.follow(circleID, as: "r3-\(seed)") { message in
            late.take(message)
            return false
        }
        #expect(late.text == table, "seed \(seed)")
        _ = try await stack.store.end(circleID, by: Caller(uid: host))
        for (client, _) in [try await first, try await second] {
            #expect(client.problems.isEmpty, "seed \(seed): \(client.problems)")
            let count = try await stack.test.number(
                "select count(*) from events where circle_id = \(circleID)")
            #expect(client.last == Int64(count), "seed \(seed)")
        }
        // A reader from the first event on, without any snapshot.
        let all = try await stack.messages(circleID, as: "r4-\(seed)", lastEventID: 0)
        #expect(all.map(\.id) == Array(1...Int64(all.count)), "seed \(seed)")
        var whole = LiveClient()
        for message in all.prefix(while: { $0.id <= late.last ?? 0 }) { whole.take(message) }
        #expect(whole.text == table, "seed \(seed)")
    }

    /// A random life, without its end.
    private static func act(
        _ stack: LiveStack, _ circleID: CircleID, _ host: String, seed: UInt64
    ) async throws {
        var random = SeededGenerator(seed: seed)
        let host = Caller(uid: host)
        for _ in 0..<40 {
            let member = Caller(uid: "m\(Int.random(in: 1...6, using: &random))-\(seed)")
            do {
                switch Int.random(in: 0..<9, using: &random) {
                case 0, 1, 2: _ = try await stack.store.join(circleID, by: member)
                case 3: try await stack.store.leave(circleID, by: member)
                case 4: _ = try await stack.store.raiseHand(circleID, by: member)
                case 5: try await stack.store.lowerHand(circleID, by: member)
                case 6: _ = try await stack.store.promote(member.uid, in: circleID, by: host)
                case 7 where Bool.random(using: &random):
                    _ = try await stack.store.acceptInvitation(in: circleID, by: member)
                case 7: _ = try await stack.store.demote(member.uid, in: circleID, by: host)
                default:
                    _ = try await stack.store.mute(member.uid, in: circleID, by: host)
                }
            } catch is CommandError {
                // Not all of it makes sense, as with people.
            }
        }
    }

    @Test("who speaks is in the snapshot and in the events")
    func speaking() async throws {
        try await Self.withMember { stack, circleID, member in
            var number: Int64 = 0
            func tell(_ payload: Event.Payload) async throws {
                number += 1
                try await Self.publish(payload, circleID, number, stack)
            }
            try await tell(.speakingStarted(member))
            try await stack.pipeline.waitUntil("it is stored") {
                try await stack.test.number(
                    "select count(*) from members where is_speaking and uid = 'ada'") == 1
            }
            var client = LiveClient()
            try await stack.follow(circleID, as: "bob") { message in
                client.take(message)
                switch message.name {
                case "snapshot":
                    #expect(client.members["ada"]?.isSpeaking == true)
                    #expect(client.members["ada"]?.isConnected == true)
                    #expect(client.members["host"]?.isSpeaking == false)
                    try await tell(.speakingStopped(member))
                case "speakingStopped":
                    #expect(client.text == (try await stack.table(circleID)))
                    try await tell(.nodeSnapshot([.init(member: member, isSpeaking: true)]))
                default:
                    #expect(message.name == "nodeSnapshot")
                    return false
                }
                return true
            }
            #expect(client.problems == [])
            #expect(
                try await stack.test.number("select count(*) from members where is_speaking") == 1)
            #expect(try await stack.pipeline.findings() == [])
        }
    }

    @Test(
        "a source whose clock is days ahead holds up what comes after, and takes nothing away",
        .timeLimit(.minutes(2)))
    func clockAhead() async throws {
        try await Self.withMember { stack, circleID, member in
            var client = LiveClient()
            var names: [String] = []
            try await stack.follow(circleID, as: "bob") { message in
                client.take(message)
                names.append(message.name)
                if message.name == "snapshot" {
                    try await Self.publish(
                        .speakingStarted(member), circleID, 1, stack, aheadSeconds: 3 * 86_400)
                    try await Self.publish(.speakingStopped(member), circleID, 2, stack)
                }
                return message.name != "speakingStopped"
            }
            #expect(names == ["snapshot", "speakingStarted", "speakingStopped"])
            #expect(client.problems == [])
        }
    }

    /// A live circle with `ada` inside.
    private static func withMember(
        _ body: @escaping @Sendable (LiveStack, CircleID, Event.Member) async throws -> Void
    ) async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            let seat = try #require(
                try await stack.store.join(circleID, by: Caller(uid: "ada")).seat)
            try await stack.pipeline.settle()
            try await body(stack, circleID, Event.Member(uid: "ada", sessionID: seat.sessionID))
        }
    }

    private static func publish(
        _ payload: Event.Payload, _ circleID: CircleID, _ number: Int64, _ stack: LiveStack,
        aheadSeconds: Int64 = 0
    ) async throws {
        let now = stack.test.clock.now().adding(seconds: aheadSeconds)
        let settings = try #require(stack.pipeline.locator.locate()).settings
        let event = Event(
            eventID: EventID(now: now), circleID: circleID,
            position: SourcePosition(source: "sfu-test", epoch: 1, sequence: number),
            occurredAt: now, payload: payload)
        try await BlockingThread.run(name: "tell") {
            let producer = try Producer(settings: settings, topic: Topic.events)
            let key = Array(circleID.description.utf8)
            _ = try producer.publish(
                [
                    OutgoingRecord(
                        partition: producer.partition(of: key), key: key,
                        value: EventCodec.encode(event), headers: [])
                ], isAbandoned: { false })
        }
    }

    @Test("Ingest and the database's sessions die and come back, and nobody misses anything")
    func restarts() async throws {
        let pipeline = try Pipeline()
        defer { pipeline.test.close() }
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await LiveStack.withAPI(pipeline) { stack in
            let circleID = try await stack.test.makeCircle()
            async let steady = stack.messages(circleID, as: "steady")
            async let restless = Self.follow(stack, circleID, as: "restless", seed: 7)
            for round in 1...3 {
                try await pipeline.run {
                    try await Self.act(stack, circleID, "host", seed: UInt64(round))
                    try await stack.test.pool.withConnection { connection in
                        _ = try connection.query(
                            """
                            select pg_terminate_backend(pid)
                            from pg_stat_activity
                            where datname = current_database()
                                and (application_name like 'circles-live%'
                                    or application_name like '%ingest%')
                            """)
                    }
                    try await Self.act(stack, circleID, "host", seed: UInt64(round) + 50)
                    try await pipeline.settle()
                }
                // Nobody stores this for a while.
                try await Self.act(stack, circleID, "host", seed: UInt64(round) + 100)
            }
            _ = try await stack.store.end(circleID, by: Caller(uid: "host"))
            try await pipeline.run { try await pipeline.settle() }
            let count = Int64(try await stack.test.number("select count(*) from events"))
            let ids = try await steady.map(\.id)
            #expect(ids.count > 1 && ids == Array(ids[0]...count))
            let (client, _) = try await restless
            #expect(client.problems == [] && client.last == count)
        }
        withExtendedLifetime(broker) {}
    }

    @Test("a client that stops reading is dropped, and the others go on")
    func slowReader() async throws {
        try await LiveStack.run { stack in
            let draft = stack.test.draft(
                startsNow: false, startAt: stack.test.clock.now().adding(seconds: 3600))
            let host = Caller(uid: "host")
            let circleID = try await stack.store.create(draft, by: host).circle.circleID
            try await stack.pipeline.settle()
            async let good = stack.messages(circleID, as: "good")
            // The iterator is held and never asked again: the client's buffers fill, then ours.
            let slow = try await stack.request(circleID, as: "slow")
            var chunks = slow.body.makeAsyncIterator()
            _ = try await chunks.next()
            try await stack.pipeline.waitUntil("both are there") {
                stack.feed.hub.subscriberCount == 2
            }
            var updateCount = 0
            while stack.feed.hub.subscriberCount == 2, updateCount < 20_000 {
                for _ in 1...50 {
                    updateCount += 1
                    var patch = CirclePatch()
                    patch.coverURL =
                        "https://x.test/\(updateCount)/" + String(repeating: "x", count: 2_000)
                    _ = try await stack.store.update(circleID, patch, by: host)
                }
                // Fast readers keep up: this is no test of them.
                try await stack.pipeline.settle()
            }
            #expect(stack.feed.hub.subscriberCount == 1, "after \(updateCount) updates")
            _ = try await stack.store.end(circleID, by: host)
            let ids = try await good.map(\.id)
            #expect(ids == Array(ids[0]...ids[0] + Int64(updateCount) + 1))
            withExtendedLifetime(chunks) {}
        }
    }
}
