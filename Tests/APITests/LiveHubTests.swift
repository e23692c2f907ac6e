import Domain
import NIOCore
import Synchronization
import Testing

@testable import API

@Suite("Streams of live updates: queues, limits, ends")
struct LiveHubTests {
    static let circleID = LiveMessageTests.circleID
    static let session = LiveMessageTests.member.sessionID

    static func hub(_ change: (inout LiveLimits) -> Void = { _ in }) -> (LiveHub, LiveLimits) {
        var limits = LiveLimits()
        change(&limits)
        return (LiveHub(limits: limits, metrics: LiveMetrics(), wakeReader: {}), limits)
    }

    static func messages(_ range: ClosedRange<Int64>) -> [LiveMessage] {
        range.map { LiveMessageTests.message(.handRaised(LiveMessageTests.member), $0) }
    }

    static func position(_ cursor: Int64) -> LiveHub.Position {
        LiveHub.Position(circleID: circleID, cursor: cursor)
    }

    static func ids(_ delivery: LiveSubscriber.Delivery?) -> [Int64] {
        guard let delivery else { return [] }
        return String(buffer: delivery.bytes).split(separator: "\n")
            .filter { $0.hasPrefix("id: ") }.compactMap { Int64($0.dropFirst(4)) }
    }

    @Test("all that waits goes out in one write, in order")
    func coalesces() async throws {
        let (hub, _) = Self.hub()
        let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.start(subscriber, after: 4)
        #expect(hub.takeNews() == [Self.position(4)])
        hub.publish(Self.messages(5...6), after: Self.position(4), hasMore: false)
        hub.publish(Self.messages(7...9), after: Self.position(6), hasMore: false)
        let delivery = await subscriber.next()
        #expect(Self.ids(delivery) == [5, 6, 7, 8, 9])
        #expect(delivery?.count == 5 && delivery?.after == .goOn)
        #expect(delivery?.oldestAt == LiveMessageTests.now)
    }

    @Test("a stream never has an event twice or a gap, whoever comes when")
    func gapFree() async throws {
        let (hub, _) = Self.hub()
        let early = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.start(early, after: 10)
        #expect(hub.takeNews() == [Self.position(10)])
        // While 11 to 13 are being read from 10 on, somebody comes with an older look.
        let late = try hub.admit(Self.circleID, uid: "bob", sessionID: nil)
        hub.start(late, after: 8)
        hub.publish(Self.messages(11...13), after: Self.position(10), hasMore: false)
        #expect(hub.takeNews() == [Self.position(8)])
        hub.publish(Self.messages(9...14), after: Self.position(8), hasMore: false)
        #expect(Self.ids(await early.next()) == [11, 12, 13, 14])
        #expect(Self.ids(await late.next()) == [9, 10, 11, 12, 13, 14])
        #expect(hub.takeNews().isEmpty)
        hub.noteNews(of: nil)
        #expect(hub.takeNews() == [Self.position(14)])
    }

    @Test("a circle with more to read has news at once; one that nobody follows has none")
    func news() throws {
        let (hub, _) = Self.hub()
        let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.noteNews(of: [Self.circleID])
        #expect(hub.takeNews().isEmpty)
        hub.start(subscriber, after: 0)
        #expect(hub.takeNews() == [Self.position(0)])
        hub.publish(Self.messages(1...2), after: Self.position(0), hasMore: true)
        #expect(hub.takeNews() == [Self.position(2)])
        hub.remove(subscriber)
        hub.noteNews(of: [Self.circleID])
        #expect(hub.takeNews().isEmpty && hub.subscriberCount == 0)
    }

    @Test("a client that does not read is dropped at the limit of messages, and only that one")
    func overflowsByCount() async throws {
        let (hub, limits) = Self.hub { $0.queueCountMax = 8 }
        let slow = try hub.admit(Self.circleID, uid: "slow", sessionID: nil)
        let good = try hub.admit(Self.circleID, uid: "good", sessionID: nil)
        hub.start(slow, after: 0)
        hub.start(good, after: 0)
        hub.publish(Self.messages(1...8), after: Self.position(0), hasMore: false)
        #expect(slow.cut == nil)
        #expect(Self.ids(await good.next()) == Array(1...Int64(limits.queueCountMax)))
        hub.publish(Self.messages(9...9), after: Self.position(8), hasMore: false)
        #expect(slow.cut == .overflow)
        #expect(await slow.next() == nil)
        #expect(Self.ids(await good.next()) == [9])
        #expect(good.cut == nil)
    }

    @Test("a client that does not read is dropped at the limit of bytes")
    func overflowsByBytes() throws {
        let size = LiveMessageTests.message(.handRaised(LiveMessageTests.member), 1)
            .bytes.readableBytes
        let (hub, _) = Self.hub { $0.queueByteCountMax = 3 * size }
        let slow = try hub.admit(Self.circleID, uid: "slow", sessionID: nil)
        hub.start(slow, after: 0)
        hub.publish(Self.messages(1...3), after: Self.position(0), hasMore: false)
        #expect(slow.cut == nil)
        hub.publish(Self.messages(4...4), after: Self.position(3), hasMore: false)
        #expect(slow.cut == .overflow)
    }

    @Test("a write that hangs is ended with its connection when the queue runs over")
    func hangingWriteIsCut() async throws {
        let (hub, _) = Self.hub { $0.queueCountMax = 2 }
        let slow = try hub.admit(Self.circleID, uid: "slow", sessionID: nil)
        let closed = Mutex(0)
        slow.onCut { closed.withLock { $0 += 1 } }
        hub.start(slow, after: 0)
        hub.publish(Self.messages(1...1), after: Self.position(0), hasMore: false)
        _ = await slow.next()
        hub.publish(Self.messages(2...4), after: Self.position(1), hasMore: false)
        #expect(closed.withLock { $0 } == 1)
        hub.close()
        #expect(closed.withLock { $0 } == 1 && slow.cut == .overflow)
    }

    @Test("a quiet stream gets a comment after so many ticks, a busy one none")
    func heartbeats() async throws {
        let (hub, _) = Self.hub { $0.heartbeatTickCount = 3 }
        let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.start(subscriber, after: 0)
        hub.tick()
        hub.tick()
        hub.publish(Self.messages(1...1), after: Self.position(0), hasMore: false)
        #expect(Self.ids(await subscriber.next()) == [1])
        async let next = subscriber.next()
        // Counted only while nothing is being written.
        while !subscriber.isWaiting { await Task.yield() }
        for _ in 0..<3 { hub.tick() }
        #expect(await next.map { String(buffer: $0.bytes) } == ": heartbeat\n\n")
    }

    @Test("a write that takes so many ticks is given up")
    func stalls() async throws {
        let (hub, _) = Self.hub { $0.stalledTickCount = 2 }
        let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.start(subscriber, after: 0)
        hub.publish(Self.messages(1...1), after: Self.position(0), hasMore: false)
        _ = await subscriber.next()
        hub.tick()
        #expect(subscriber.cut == nil)
        hub.tick()
        #expect(subscriber.cut == .stalled)
    }

    @Test("a stream ends with its circle, its session and its user's ban, after that message")
    func ends() async throws {
        let member = LiveMessageTests.member
        let cases: [(Event.Payload, SessionID?, LiveSubscriber.Delivery.After)] = [
            (.circleEnded(actorUID: "host", .host), nil, .finish),
            (.memberLeft(member, .left), member.sessionID, .finish),
            (.memberLeft(member, .left), nil, .check(wasKicked: false)),
            (.memberKicked(member, actorUID: "host", reason: ""), nil, .check(wasKicked: true)),
            (.memberBanned(uid: "ada", actorUID: "host", reason: ""), nil, .finish),
            (.memberBanned(uid: "bob", actorUID: "host", reason: ""), nil, .goOn),
            (.memberLeft(.init(uid: "bob", sessionID: member.sessionID), .left), nil, .goOn),
            (.handRaised(member), nil, .goOn),
        ]
        for (payload, sessionID, after) in cases {
            let (hub, _) = Self.hub()
            let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: sessionID)
            hub.start(subscriber, after: 0)
            let messages = [LiveMessageTests.message(payload, 1)] + Self.messages(2...3)
            hub.publish(messages, after: Self.position(0), hasMore: false)
            let delivery = await subscriber.next()
            #expect(delivery?.after == after, "\(payload)")
            #expect(Self.ids(delivery) == (after == .goOn ? [1, 2, 3] : [1]), "\(payload)")
        }
    }

    @Test("streams are limited by user, by circle and in all, and places come back")
    func limits() throws {
        let (hub, _) = Self.hub {
            $0.userSubscriberCountMax = 2
            $0.circleSubscriberCountMax = 3
            $0.subscriberCountMax = 5
        }
        func admit(_ uid: String, _ low: UInt64 = 1) throws -> LiveSubscriber {
            try hub.admit(CircleID(high: 0x7000, low: low), uid: uid, sessionID: nil)
        }
        let first = try admit("ada")
        _ = try admit("ada", 2)
        let problem = #expect(throws: Problem.self) { try admit("ada", 3) }
        #expect(problem?.code == "too_many_streams" && problem?.status == .tooManyRequests)
        hub.remove(first)
        _ = try admit("ada")
        _ = try admit("bob")
        _ = try admit("cyd")
        #expect(hub.subscriberCount == 4)
        let fullCircle = #expect(throws: Problem.self) { try admit("dan") }
        #expect(fullCircle?.code == "overloaded")
        _ = try admit("dan", 4)
        let full = #expect(throws: Problem.self) { try admit("eve", 5) }
        #expect(full?.code == "overloaded" && full?.status == .serviceUnavailable)
    }

    @Test("a hub that is closed ends its streams and takes no more")
    func closes() async throws {
        let (hub, _) = Self.hub()
        let subscriber = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        let slow = try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        hub.start(subscriber, after: 0)
        async let next = subscriber.next()
        hub.close()
        #expect(await next == nil)
        hub.start(slow, after: 0)
        #expect(await slow.next() == nil)
        #expect(throws: Problem.self) {
            try hub.admit(Self.circleID, uid: "ada", sessionID: nil)
        }
    }
}
