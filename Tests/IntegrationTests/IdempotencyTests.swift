import CircleStore
import Database
import Domain
import Foundation
import HTTPTypes
import TestKit
@testable import Jobs
import Testing

@testable import API

extension TestAPI {
    /// A POST with an `Idempotency-Key`.
    fileprivate func post(
        _ path: String, key: String, as uid: String = "ada", json: String? = nil
    ) async throws -> Answer {
        var headers = headers("Bearer " + (try await token(uid)))
        headers[.idempotencyKey] = key
        if json != nil { headers[.contentType] = "application/json" }
        return try await send(.post, path, headers: headers, body: json.map { Array($0.utf8) })
    }

    fileprivate var circleCount: Int {
        get async throws { try await store.number("select count(*) from circles") }
    }
}

extension TestAPI.Answer {
    fileprivate var isReplayed: Bool { headers[.idempotencyReplayed] == "true" }
}

@Suite("Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)")
struct IdempotencyTests {
    private static let json = #"{"title":"Vinyl night"}"#

    @Test("a retry gets the first answer byte for byte, and creates nothing")
    func replays() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            let first = try await api.post("/v1/circles", key: #""k-1""#, json: Self.json)
            #expect(first.status == 201)
            #expect(!first.isReplayed)
            clock.advance(seconds: 3600)
            for key in ["k-1", #""k-1""#] {
                let retry = try await api.post("/v1/circles", key: key, json: Self.json)
                #expect(retry.status == 201)
                #expect(retry.body == first.body)
                #expect(retry.isReplayed)
                #expect(retry.headers[.location] == first.headers[.location])
                #expect(retry.contentType == "application/json")
            }
            #expect(try await api.circleCount == 1)
            // Another key, another user, and none at all are requests of their own.
            _ = try await api.post("/v1/circles", key: "k-2", json: Self.json)
            _ = try await api.post("/v1/circles", key: "k-1", as: "bob", json: Self.json)
            _ = try await api.send(.post, "/v1/circles", as: "ada", json: Self.json)
            #expect(try await api.circleCount == 4)
        }
    }

    @Test("the same key with another body, path or query is refused")
    func refusesReuse() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let first = try await api.post("/v1/circles", key: "k", json: Self.json)
            let path = "/v1/circles/\(try #require(first.text("circleId")))"
            for (path, json) in [
                ("/v1/circles", #"{"title":"Jazz"}"#), ("/v1/circles?x=1", Self.json),
                (path + "/join", nil), (path + "/promote", #"{"uid":"bob"}"#),
            ] {
                let answer = try await api.post(path, key: "k", json: json)
                #expect(answer.mismatches(422, "idempotency_key_reused") == [], "\(path)")
            }
            #expect(try await api.circleCount == 1)
            let odd = try await api.post("/v1/circles", key: #""k"#, json: Self.json)
            #expect(odd.mismatches(400, "idempotency_key_invalid") == [])
        }
    }

    @Test("a refusal is kept as well, its document included")
    func replaysProblems() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let circleID = try await api.store.makeCircle(host: "ada")
            let path = "/v1/circles/\(circleID)"
            for (route, code, json) in [
                ("/leave", "not_a_member", nil), ("/promote", "validation_failed", "{}"),
                ("/actions", "forbidden", #"{"action":"mute","uid":"ada"}"#),
            ] {
                let first = try await api.post(path + route, key: route, as: "bob", json: json)
                #expect(first.code == code)
                let retry = try await api.post(path + route, key: route, as: "bob", json: json)
                #expect(retry.body == first.body)
                #expect(retry.status == first.status)
                #expect(retry.contentType == "application/problem+json")
                #expect(retry.isReplayed)
            }
        }
    }

    @Test("an answer that says to try again is not kept, and the same key then succeeds")
    func releases() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            for number in 1...5 {
                _ = try await api.post("/v1/circles", key: "\(number)", json: Self.json)
            }
            clock.advance(seconds: 86_340)
            let refused = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(refused.mismatches(429, "creation_limit_reached") == [])
            #expect(refused.headers[.retryAfter] == "60")
            clock.advance(seconds: 60)
            let retry = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(retry.status == 201)
            #expect(!retry.isReplayed)
        }
    }

    @Test("twenty at once create one circle; those that come too early are told to wait")
    func isExactAtOnce() async throws {
        try await TestAPI.run { api in
            let answers = try await withThrowingTaskGroup(of: TestAPI.Answer.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await api.post("/v1/circles", key: "k", json: Self.json)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let created = answers.filter { $0.status == 201 }
            #expect(!created.isEmpty)
            #expect(Set(created.map(\.body)).count == 1)
            #expect(created.count { !$0.isReplayed } == 1)
            for answer in answers where answer.status != 201 {
                #expect(answer.mismatches(409, "idempotency_key_in_use") == [])
                #expect((1...30).contains(Int(answer.headers[.retryAfter] ?? "") ?? 0))
            }
            #expect(try await api.circleCount == 1)
            let last = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(last.body == created[0].body)
        }
    }

    @Test(
        "a crash between commit and stored answer creates no second circle, and its zombie stores nothing"
    )
    func takesOver() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            let first = try await api.post("/v1/circles", key: "k", json: Self.json)
            // As the process left it that died after the command's commit.
            try await api.store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    update idempotency_keys
                    set
                        response_status = null, response_header_names = null,
                        response_header_values = null, response_body = null
                    """)
            }
            clock.advance(seconds: 29)
            let early = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(early.mismatches(409, "idempotency_key_in_use") == [])
            #expect(early.headers[.retryAfter] == "1")
            clock.advance(seconds: 1)
            let retry = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(retry.status == 201)
            #expect(!retry.isReplayed)
            #expect(retry.text("circleId") == first.text("circleId"))
            #expect(retry.text("sessionId") == first.text("sessionId"))
            #expect(retry.json["resumed"] as? Bool == true)
            #expect(try await api.circleCount == 1)
            #expect(
                try await api.store.number(
                    "select count(*) from outbox where event_type = 'circleCreated'") == 1)
            // The dead one comes back.
            let store = IdempotencyStore(pool: api.store.pool, clock: clock)
            let zombie = IdempotencyStore.Ticket(
                uid: "ada", key: try IdempotencyKey(["k"]), attempt: 1,
                entityID: EventID(now: clock.now()))
            let answer = StoredAnswer(status: 200, headers: [], body: [1])
            #expect(try await !store.store(answer, for: zombie))
            try await store.release(zombie)
            let last = try await api.post("/v1/circles", key: "k", json: Self.json)
            #expect(last.body == retry.body)
        }
    }

    @Test(
        "an attempt that was overtaken cannot store over the newer one, before or after it answers")
    func fencesAttempts() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock, poolSize: 1)
        defer { test.pool.close() }
        let store = IdempotencyStore(pool: test.pool, clock: clock)
        let key = try IdempotencyKey(["k"])
        func claim() async throws -> IdempotencyStore.Ticket? {
            guard
                case .granted(let ticket) = try await store.claim(key, uid: "ada", fingerprint: [7])
            else { return nil }
            return ticket
        }
        let one = try #require(try await claim())
        #expect(try await claim() == nil)
        clock.advance(seconds: IdempotencyStore.lockSeconds)
        let two = try #require(try await claim())
        #expect(two.attempt == 2)
        #expect(two.entityID == one.entityID)
        let late = StoredAnswer(status: 200, headers: [], body: [1])
        #expect(try await !store.store(late, for: one))
        // Its release does not free the newer claim either.
        try await store.release(one)
        #expect(try await claim() == nil)
        try await store.release(two)
        let three = try #require(try await claim())
        #expect(three.entityID == one.entityID)
        let good = StoredAnswer(
            status: 201, headers: [("A", "1"), ("A", "2")], body: Array(0...255))
        #expect(try await store.store(good, for: three))
        #expect(try await !store.store(late, for: three), "an answer is for good")
        guard case .answered(let stored) = try await store.claim(key, uid: "ada", fingerprint: [7])
        else { throw CancellationError() }
        #expect(stored.status == 201)
        #expect(stored.headers.map(\.value) == ["1", "2"])
        #expect(stored.body == good.body)
    }

    @Test("a key is kept for a day; what is older a job prunes")
    func expires() async throws {
        let clock = ManualClock()
        let test = try TestStore(clock: clock, poolSize: 1)
        defer { test.pool.close() }
        let store = IdempotencyStore(pool: test.pool, clock: clock)
        let now = clock.now()
        try await test.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into idempotency_keys (
                    uid, idempotency_key, fingerprint, entity_id, created_at, attempt, locked_until
                )
                select 'ada', 'k-' || n, '\\x07', gen_random_uuid(), \(now), 1, \(now)
                from generate_series(1, 700) as n
                """)
        }
        let count: SQL = "select count(*) from idempotency_keys"
        clock.advance(seconds: IdempotencyStore.lifetimeSeconds - 1)
        let pruning = Pruning(pool: test.pool)
        #expect(try await pruning.run(at: clock.now()).count == 0)
        guard
            case .reused = try await store.claim(
                IdempotencyKey(["k-1"]), uid: "ada", fingerprint: [8])
        else { throw CancellationError() }
        clock.advance(seconds: 1)
        guard
            case .granted(let ticket) = try await store.claim(
                IdempotencyKey(["k-1"]), uid: "ada", fingerprint: [8])
        else { throw CancellationError() }
        #expect(ticket.attempt == 2)
        #expect(
            try await pruning.run(at: clock.now())
                == JobResult(count: 699, detail: "699 idempotency keys"))
        #expect(try await test.number(count) == 1, "the one that began anew")
    }
}
