import CircleStore
import Domain
import Foundation
import HTTPTypes
import TestKit
import Testing

extension TestAPI {
    /// The headers of a request, without those that are `nil`.
    func headers(_ authorization: String?, key: String? = "test-api-key") -> HTTPFields {
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        headers[HTTPField.Name("X-API-Key")!] = key  // a valid field name
        return headers
    }
}

private typealias Answer = TestAPI.Answer

extension Answer {
    func text(_ key: String) -> String? { json[key] as? String }

    fileprivate func list(_ key: String) -> [[String: Any]] { json[key] as? [[String: Any]] ?? [] }

    /// What keeps the answer from being the document of this problem. Source: RFC 9457 §3.
    func mismatches(_ status: Int, _ code: String, _ fields: Set<String> = []) -> [String] {
        let requestID = headers[HTTPField.Name("X-Request-Id")!]  // a valid field name
        let named = Set(list("errors").compactMap { $0["field"] as? String })
        let checks: [(isMet: Bool, complaint: String)] = [
            (self.status == status, "status is \(self.status), not \(status)"),
            (self.code == code, "code is \(self.code ?? "missing"), not \(code)"),
            (named == fields, "fields are \(named.sorted()), not \(fields.sorted())"),
            (contentType == "application/problem+json", "type is \(contentType ?? "missing")"),
            (json["status"] as? Int == self.status, "the document has another status"),
            (text("title")?.isEmpty == false, "title is missing"),
            (requestID?.isEmpty == false, "X-Request-Id is missing"),
            (text("requestId") == requestID, "requestId is not X-Request-Id"),
        ]
        return checks.filter { !$0.isMet }.map(\.complaint)
    }

    /// The claims of the token for the media. Source: RFC 7519 §3, RFC 7515 §2.
    func claims() throws -> [String: Any] {
        let payload = try #require(text("token")?.split(separator: ".").dropFirst().first)
        var base64 = payload.replacing("-", with: "+").replacing("_", with: "/")
        while base64.utf8.count % 4 != 0 { base64 += "=" }
        let data = try #require(Data(base64Encoded: String(base64)))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
}

@Suite("Routes of the API (DESIGN.md)")
struct RouteTests {
    @Test("a circle without a start is live at once, with its host in it")
    func createsLive() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let answer = try await api.send(
                .post, "/v1/circles", as: "ada", json: #"{"title":"Vinyl night"}"#)
            #expect(answer.status == 201)
            let id = try #require(answer.text("circleId"))
            let sessionID = try #require(answer.text("sessionId"))
            #expect(answer.headers[.location] == "/v1/circles/\(id)")
            #expect(answer.text("status") == "live")
            #expect(answer.text("role") == "host")
            #expect(answer.json["resumed"] as? Bool == false)
            #expect(answer.text("sfuUrl") == "ws://sfu.test")
            #expect(answer.text("tokenExpiresAt") == "2026-11-23T18:10:00Z")
            let claims = try answer.claims()
            #expect(claims["sub"] as? String == "ada")
            #expect(claims["role"] as? String == "host")
            #expect(claims["sid"] as? String == sessionID)
            #expect(claims["exp"] as? Int == 1_795_457_400)  // as tokenExpiresAt
            let video = try #require(claims["video"] as? [String: Any])
            #expect(video["room"] as? String == id)
            #expect(video["roomJoin"] as? Bool == true)
            #expect(video["canPublish"] as? Bool == true)
            let shown = try await api.send(.get, "/v1/circles/\(id)", as: "zoe")
            #expect(shown.text("startedAt") == "2026-11-23T18:00:00Z")
            #expect(shown.list("members").map { $0["sessionId"] as? String } == [sessionID])
        }
    }

    @Test("a scheduled circle has nobody in it; its host changes it and starts it")
    func schedulesChangesAndStarts() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let created = try await api.send(
                .post, "/v1/circles", as: "ada",
                json: #"{"title":"Vinyl night","startAt":"2026-11-24T19:00:00+01:00"}"#)
            #expect(created.status == 201)
            #expect(created.text("status") == "scheduled")
            #expect(!created.json.keys.contains("sessionId"))
            let video = try #require(try created.claims()["video"] as? [String: Any])
            #expect(video["roomJoin"] as? Bool == false)
            #expect(video["canPublish"] as? Bool == false)
            let path = "/v1/circles/\(try #require(created.text("circleId")))"
            let early = try await api.send(.post, path + "/join", as: "bob")
            #expect(early.mismatches(409, "circle_not_started") == [])
            let changed = try await api.send(
                .patch, path, as: "ada",
                json: #"{"title":"Jazz","maxListeners":7,"coHostUids":["ada","bob"]}"#)
            #expect(changed.text("title") == "Jazz")
            #expect(changed.json["maxListeners"] as? Int == 7)
            #expect(changed.json["maxSpeakers"] as? Int == 8)
            #expect(changed.text("startAt") == "2026-11-24T18:00:00Z")
            // As when creating: the host is no co-host of their own.
            #expect(changed.json["coHostUids"] as? [String] == ["bob"])
            let started = try await api.send(.patch, path, as: "bob", json: #"{"status":"live"}"#)
            #expect(started.text("status") == "live")
            #expect(started.text("startedAt") != nil)
            let late = try await api.send(.patch, path, as: "ada", json: #"{"title":"Late"}"#)
            #expect(late.mismatches(409, "circle_already_started") == [])
        }
    }

    @Test("members join, speak in the order of their hands, and go")
    func servesAnEvening() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let circleID = try await api.store.makeCircle(host: "ada", coHosts: ["bob"])
            let path = "/v1/circles/\(circleID)"
            func post(_ to: String, as uid: String, _ json: String? = nil) async throws -> Answer {
                try await api.send(.post, path + to, as: uid, json: json)
            }
            func hands() async throws -> [String] {
                let hands = try await api.send(.get, path, as: "ada").list("hands")
                #expect(hands.map { $0["position"] as? Int } == hands.indices.map { $0 + 1 })
                return hands.compactMap { $0["uid"] as? String }
            }
            func member(_ uid: String) async throws -> [String: Any]? {
                try await api.send(.get, path, as: "ada").list("members")
                    .first { $0["uid"] as? String == uid }
            }

            // Join, and come back.
            #expect(try await post("/join", as: "bob").text("role") == "coHost")
            for uid in ["cleo", "dan", "eve"] {
                #expect(try await post("/join", as: uid).text("role") == "listener")
            }
            let session = try #require(try await member("eve"))["sessionId"] as? String
            let resumed = try await post("/join", as: "eve")
            #expect(resumed.json["resumed"] as? Bool == true)
            #expect(resumed.text("sessionId") == session)
            #expect(try resumed.claims()["role"] as? String == "listener")
            // Hands go up, one goes down, and are called in order.
            for (index, uid) in ["eve", "cleo", "dan"].enumerated() {
                let raised = try await post("/hand-raise", as: uid)
                #expect(raised.json["position"] as? Int == index + 1)
            }
            #expect(try await post("/hand-raise", as: "eve").json["position"] as? Int == 1)
            #expect(try await hands() == ["eve", "cleo", "dan"])
            #expect(try await api.send(.delete, path + "/hand-raise", as: "cleo").status == 204)
            #expect(try await post("/hand-raise", as: "cleo").json["position"] as? Int == 3)
            for uid in ["eve", "dan"] {
                let next = try #require(try await hands().first)
                #expect(next == uid)
                let promoted = try await post("/promote", as: "bob", #"{"uid":"\#(next)"}"#)
                #expect(promoted.text("role") == "speaker")
            }
            #expect(try await hands() == ["cleo"])
            // On stage and off it.
            for isMuted in [true, false] {
                let json = #"{"action":"\#(isMuted ? "mute" : "unmute")","uid":"eve"}"#
                let muted = try await post("/actions", as: isMuted ? "ada" : "eve", json)
                #expect(muted.json["isMuted"] as? Bool == isMuted)
                #expect(try await member("eve")?["isMuted"] as? Bool == isMuted)
            }
            let demoted = try await post("/actions", as: "ada", #"{"action":"demote","uid":"eve"}"#)
            #expect(demoted.text("role") == "listener")
            // A kick is not a ban; a ban is for good.
            for (uid, ban) in [("cleo", false), ("dan", true)] {
                let json = #"{"action":"kick","uid":"\#(uid)","reason":"noise","ban":\#(ban)}"#
                #expect(try await post("/actions", as: "bob", json).status == 204)
                #expect(try await member(uid) == nil)
            }
            #expect(try await hands() == [])
            #expect(try await post("/join", as: "dan").mismatches(403, "banned") == [])
            #expect(try await post("/join", as: "cleo").json["resumed"] as? Bool == false)
            // Leave, and the end.
            #expect(try await post("/leave", as: "cleo").status == 204)
            #expect(try await post("/leave", as: "cleo").mismatches(409, "not_a_member") == [])
            let ended = try await api.send(.delete, path, as: "ada")
            #expect(ended.text("status") == "ended")
            #expect(ended.text("endedAt") != nil)
            #expect(try await member("ada") == nil)
            #expect(try await post("/join", as: "eve").mismatches(409, "circle_ended") == [])
            #expect(try await api.send(.delete, path, as: "ada").code == "circle_ended")
        }
    }

    @Test("pages show every circle once, in order, whatever is created between them")
    func pagesDirectory() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            typealias Place = (startAt: String, circleID: String)
            /// Each has a host of its own; many share one of five starts.
            @Sendable func create(_ number: Int, hours: Int64) async throws -> Place {
                let host = "host-\(number)"
                let draft = api.store.draft(
                    host: host, startsNow: false,
                    startAt: api.store.clock.now().adding(seconds: 3600 * hours))
                let circle = try await api.store.store.create(draft, by: Caller(uid: host)).circle
                return (circle.details.startAt.description, circle.circleID.description)
            }
            var random = SeededGenerator(seed: 20_261_123)
            var expected: Set<String> = []
            for number in 0..<20 {
                let hours = Int64.random(in: 1...5, using: &random)
                expected.insert(try await create(number, hours: hours).circleID)
            }
            var seen: [Place] = []
            var next: String? = ""
            var number = 20
            while let cursor = next, seen.count < 200 {
                let answer = try await api.send(.get, "/v1/circles?limit=3\(cursor)", as: "zoe")
                let page = answer.list("circles").map { circle -> Place in
                    (circle["startAt"] as? String ?? "", circle["circleId"] as? String ?? "")
                }
                seen += page
                next = answer.text("nextCursor").map { "&startAfter=\($0)" }
                guard next != nil, let last = page.last, number < 60 else { continue }
                #expect(page.count == 3)
                // Two more at once, before the place that has been reached or after it.
                let two = (0..<2).map { (number + $0, Int64.random(in: 1...5, using: &random)) }
                async let one = create(two[0].0, hours: two[0].1)
                async let other = create(two[1].0, hours: two[1].1)
                for place in try await [one, other] where place < last {
                    expected.insert(place.circleID)
                }
                number += 2
            }
            #expect(number > 20)
            #expect(Set(seen.map(\.circleID)) == expected)
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 > $1 }, "in order, none twice")
        }
    }

    @Test("a secret circle is listed for its own, a private one for all but without its members")
    func hidesSecrets() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            for privacy in Privacy.allCases {
                let circleID = try await api.store.makeCircle(
                    host: "ada", privacy: privacy, coHosts: ["bob"], invited: ["cleo", "dan"])
                _ = try await api.store.store.join(circleID, by: Caller(uid: "dan"))
                try await api.store.store.kick(
                    "dan", in: circleID, reason: "", bans: true, by: Caller(uid: "ada"))
            }
            for uid in ["ada", "bob", "cleo", "dan", "zoe"] {
                let isOwn = ["ada", "bob", "cleo"].contains(uid)
                let query = "/v1/circles?status=live"
                let circles = try await api.send(.get, query, as: uid).list("circles")
                let listed = circles.compactMap { $0["privacy"] as? String }
                #expect(Set(listed) == Set(["public", "private"] + (isOwn ? ["secret"] : [])))
                let circle = try #require(circles.first { $0["privacy"] as? String == "private" })
                let path = "/v1/circles/\(circle["circleId"] ?? "")"
                let shown = try await api.send(.get, path, as: uid)
                #expect(shown.json["speakerCount"] as? Int == 1)
                #expect((shown.json["members"] != nil) == isOwn, "\(uid)")
                #expect((shown.json["hands"] != nil) == isOwn, "\(uid)")
            }
        }
    }

    @Test("a host creates five circles in 24 hours")
    func limitsCreations() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            func create(_ uid: String) async throws -> Answer {
                try await api.send(.post, "/v1/circles", as: uid, json: #"{"title":"Vinyl"}"#)
            }
            for _ in 1...5 { #expect(try await create("ada").status == 201) }
            let sixth = try await create("ada")
            #expect(sixth.mismatches(429, "creation_limit_reached") == [])
            #expect(try await create("bob").status == 201)
            clock.advance(seconds: 86_399)
            #expect(try await create("ada").status == 429)
            clock.advance(seconds: 1)
            #expect(try await create("ada").status == 201)
        }
    }

    @Test("who watches the server needs no key and waits in no queue")
    func servesOperations() async throws {
        try await TestAPI.run(clock: ManualClock(), concurrency: 0) { api in
            for (path, status) in ["/healthz": "ok", "/readyz": "ready"] {
                let answer = try await api.send(.get, path, headers: [:])
                #expect(answer.status == 200)
                #expect(answer.text("status") == status)
            }
            let metrics = try await api.send(.get, "/metrics", headers: [:])
            #expect(metrics.status == 200)
            #expect(metrics.contentType?.hasPrefix("text/plain") == true)
            #expect(metrics.body == Array("circles_test 1\n".utf8))
            let refused = try await api.send(.get, "/v1/circles", as: "ada")
            #expect(refused.mismatches(503, "overloaded") == [])
            #expect(refused.headers[.retryAfter] == "1")
            api.store.close()
            #expect(try await api.send(.get, "/readyz", headers: [:]).status == 503)
            #expect(try await api.send(.get, "/healthz", headers: [:]).status == 200)
        }
    }
}
