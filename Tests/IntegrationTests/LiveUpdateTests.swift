import CircleStore
import Database
import Domain
import TestKit
import Testing

@testable import API

@Suite("Live updates over HTTP", .serialized)
struct LiveUpdateTests {
    private static let host = Caller(uid: "host")
    private static let ada = Caller(uid: "ada")

    @Test("a stream begins with a snapshot and brings every event after it, in order")
    func ordinary() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            _ = try await stack.store.join(circleID, by: Caller(uid: "bob"))
            _ = try await stack.store.raiseHand(circleID, by: Caller(uid: "bob"))
            try await stack.pipeline.settle()
            var seen: [LiveClientMessage] = []
            try await stack.follow(circleID, as: "ada") { message in
                seen.append(message)
                if message.name == "snapshot" {
                    _ = try await stack.store.join(circleID, by: Self.ada)
                    _ = try await stack.store.raiseHand(circleID, by: Self.ada)
                    _ = try await stack.store.promote("ada", in: circleID, by: Self.host)
                    _ = try await stack.store.mute("ada", in: circleID, by: Self.host)
                    _ = try await stack.store.end(circleID, by: Self.host)
                }
                return true
            }
            let first = try #require(seen.first)
            let hands = first.json["hands"] as? [[String: Any]]
            #expect(hands?.count == 1 && hands?.first?["uid"] as? String == "bob")
            #expect(hands?.first?["position"] as? Int == 1)
            let circle = try #require(first.json["circle"] as? [String: Any])
            #expect(circle["status"] as? String == "live" && circle["members"] == nil)
            #expect(
                (first.json["members"] as? [[String: Any]])?.compactMap { $0["uid"] as? String }
                    == ["host", "bob"])
            #expect(seen.map(\.id) == Array(first.id..<first.id + Int64(seen.count)))
            let names = seen.dropFirst().map(\.name)
            #expect(
                names.prefix(5) == [
                    "memberJoined", "handRaised", "handLowered", "memberPromoted", "memberMuted",
                ])
            #expect(names.last == "circleEnded")
            #expect(names.count { $0 == "memberLeft" } == 3)
        }
    }

    @Test("what Ingest has not stored yet follows an empty snapshot from event 1 on")
    func beforeIngest() async throws {
        let pipeline = try Pipeline()
        defer { pipeline.test.close() }
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await LiveStack.withAPI(pipeline) { stack in
            let circleID = try await stack.test.makeCircle()
            var ids: [Int64] = []
            let response = try await stack.request(circleID, as: "ada")
            #expect(response.headers.first(name: "content-type") == "text/event-stream")
            #expect(response.headers.first(name: "cache-control") == "no-store")
            #expect(response.headers.first(name: "x-accel-buffering") == "no")
            #expect(response.headers.first(name: "connection") == "close")
            var parser = LiveClientParser()
            var chunks = response.body.makeAsyncIterator()
            while ids.isEmpty, let chunk = try await chunks.next() {
                ids += try parser.take(chunk).map(\.id)
            }
            #expect(ids == [0])
            _ = try await stack.store.end(circleID, by: Self.host)
            try await pipeline.run { try await pipeline.settle() }
            while let chunk = try await chunks.next() { ids += try parser.take(chunk).map(\.id) }
            let count = try await stack.test.number("select count(*) from events")
            #expect(ids == Array(0...Int64(count)) && count > 3)
        }
        withExtendedLifetime(broker) {}
    }

    @Test("a reader who comes back gets what they missed, or a snapshot when that cannot be")
    func resumes() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.pipeline.live("one", members: 12)
            _ = try await stack.store.end(circleID, by: Caller(uid: "host-one"))
            try await stack.pipeline.settle()
            let count = Int64(try await stack.test.number("select count(*) from events"))
            let resumed = try await stack.messages(circleID, as: "ada", lastEventID: 5)
            #expect(resumed.map(\.id) == Array(6...count))
            #expect(try await stack.messages(circleID, as: "ada", lastEventID: count).isEmpty)
            let ahead = try await stack.messages(circleID, as: "ada", lastEventID: count + 1)
            #expect(ahead.map(\.name) == ["snapshot"] && ahead.map(\.id) == [count])
            let answer = try await stack.refusal(circleID, as: "ada", lastEventID: "x")
            #expect(answer == "400 malformed_last_event_id")
            // What history no longer has cannot be resumed.
            try await stack.test.pool.withConnection {
                _ = try $0.query("delete from events where circle_seq = 6")
            }
            let holed = try await stack.messages(circleID, as: "ada", lastEventID: 5)
            #expect(holed.map(\.name) == ["snapshot"])
        }
    }

    @Test("a session's stream ends when it leaves, and one whose session has left is over")
    func sessionEnds() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            let seat = try #require(try await stack.store.join(circleID, by: Self.ada).seat)
            try await stack.pipeline.settle()
            let query = "?sessionId=\(seat.sessionID)"
            var names: [String] = []
            try await stack.follow(circleID, as: "ada", query: query) { message in
                names.append(message.name)
                if names.count == 1 {
                    try await stack.store.leave(circleID, by: Self.ada)
                    _ = try await stack.store.join(circleID, by: Self.ada)
                }
                return true
            }
            #expect(names == ["snapshot", "memberLeft"])
            try await stack.pipeline.settle()
            let again = try await stack.messages(circleID, as: "ada", query: query)
            #expect(again.map(\.name) == ["snapshot"])
            #expect(
                try await stack.refusal(circleID, as: "ada", query: "?sessionId=x")
                    == "422 validation_failed")
            #expect(
                try await stack.refusal(circleID, as: "ada", query: "?other=1")
                    == "422 validation_failed")
        }
    }

    @Test("a quiet stream gets comments, and shutting down ends streams as they should end")
    func heartbeatsAndShutdown() async throws {
        var limits = LiveLimits()
        limits.tickMilliseconds = 10
        limits.heartbeatTickCount = 3
        try await LiveStack.run(limits: limits) { stack in
            let circleID = try await stack.test.makeCircle()
            try await stack.pipeline.settle()
            let response = try await stack.request(circleID, as: "ada")
            var parser = LiveClientParser()
            var isDown = false
            for try await chunk in response.body {
                _ = try parser.take(chunk)
                guard parser.commentCount >= 3, !isDown else { continue }
                isDown = true
                await stack.shutDown()
            }
            // The body came to its end: no error, so the last chunk was written.
            #expect(isDown)
            try await stack.pipeline.waitUntil("the place is free") {
                stack.feed.hub.subscriberCount == 0
            }
        }
    }

    @Test("HEAD opens no stream, and other methods are refused")
    func methods() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            for method in ["HEAD", "POST", "DELETE"] {
                let response = try await stack.request(circleID, as: "ada", method: method)
                #expect(response.status == .methodNotAllowed)
                let body = try await response.body.collect(upTo: 10_000)
                #expect((body.readableBytes == 0) == (method == "HEAD"))
            }
            #expect(stack.feed.hub.subscriberCount == 0)
        }
    }

    @Test("a client that hangs up gives its place back at once")
    func hangUp() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            for _ in 1...30 {
                try await stack.follow(circleID, as: "ada") { _ in false }
                try await stack.pipeline.waitUntil("the place is free") {
                    stack.feed.hub.subscriberCount == 0
                }
            }
        }
    }

    @Test("200 streams of one user are refused past the limit, and streams hold up no request")
    func flood() async throws {
        try await LiveStack.run(concurrency: 16) { stack in
            let circleID = try await stack.test.makeCircle()
            let results = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...200 {
                    group.addTask {
                        let response = try await stack.request(circleID, as: "flood")
                        guard response.status == .ok else { return "\(response.status.code)" }
                        for try await _ in response.body {}
                        return "200"
                    }
                }
                var results: [String: Int] = [:]
                var isEnded = false
                for try await result in group {
                    results[result, default: 0] += 1
                    // Those that were taken stay until the circle ends.
                    guard results["200"] == nil, !isEnded,
                        results.values.reduce(0, +) == 200 - LiveLimits().userSubscriberCountMax
                    else { continue }
                    isEnded = true
                    #expect(
                        try await stack.refusal(circleID, as: "flood") == "429 too_many_streams")
                    _ = try await stack.store.end(circleID, by: Self.host)
                }
                return results
            }
            // 16 requests at once are answered; more are refused before the stream's own limit.
            #expect(results["200"] == LiveLimits().userSubscriberCountMax)
            #expect((results["429"] ?? 0) + (results["503"] ?? 0) == 190)
        }
    }
}
