import API
import CircleStore
import Database
import Domain
import Foundation
import HTTPTypes
import TestKit
import Testing

/// A request that is wrong, and the problem that says so.
private struct BadRequest: Sendable {
    var method = HTTPRequest.Method.post
    var path = "/v1/circles"
    var contentType: String? = "application/json"
    var body: [UInt8] = []
    let status: Int
    let code: String
    /// The fields that a 422 names.
    var fields: Set<String> = []

    static func json(
        _ text: String, _ method: HTTPRequest.Method = .post, _ path: String = "/v1/circles",
        status: Int = 422, code: String = "validation_failed", fields: Set<String> = []
    ) -> BadRequest {
        BadRequest(
            method: method, path: path, contentType: text.isEmpty ? nil : "application/json",
            body: Array(text.utf8), status: status, code: code, fields: fields)
    }

    /// A creation with a wrong value for one field, for each of the values.
    static func field(_ name: String, _ values: String...) -> [BadRequest] {
        values.map { value in
            let title = name == "title" ? "" : #""title":"Vinyl night","#
            return .json(#"{\#(title)"\#(name)":\#(value)}"#, fields: [name])
        }
    }
}

/// A JSON string; the text holds its escapes already.
private func quoted(_ text: String) -> String { "\"\(text)\"" }

private func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }

/// Arrays in arrays.
private func nested(_ depth: Int) -> String { times(depth, "[") + times(depth, "]") }

/// An array of as many different uids.
private func uids(_ count: Int) -> String {
    "[" + (0..<count).map { quoted("u\($0)") }.joined(separator: ",") + "]"
}

/// A creation with a blank title, filled up with spaces.
private func padded(_ byteCount: Int) -> String {
    let json = #"{"title":" "}"#
    return json + times(byteCount - json.utf8.count, " ")
}

private let unknownID = "00000000-0000-7000-8000-000000000000"

@Suite("Bad input (RFC 9457, RFC 9110, RFC 8259)")
struct BadInputTests {
    private static let fields: [[BadRequest]] = [
        BadRequest.field(
            "title", "null", "7", "true", "{}", nested(4), quoted(""), quoted(" "),
            quoted(#"\n\t"#), quoted(#"\u3000"#), quoted(#"a\u0000b"#), quoted(times(121, "x"))),
        BadRequest.field("category", "7", quoted(times(41, "x")), quoted(#"\u0000"#)),
        BadRequest.field("privacy", "7", quoted("hidden"), quoted("Public"), quoted("")),
        BadRequest.field("micPolicy", "true", quoted("shout"), quoted("")),
        BadRequest.field(
            "coHostUids", "7", "{}", quoted("bob"), uids(9), "[7]", "[null]", #"[""]"#,
            #"["a b"]"#, #"["ä"]"#, #"["a\u0000b"]"#, "[" + quoted(times(129, "x")) + "]"),
        BadRequest.field("invitedUids", quoted("bob"), uids(501), "[[]]"),
        BadRequest.field(
            "coverUrl", "7", quoted("http://example.org/a.png"), quoted("javascript:alert(1)"),
            quoted("//example.org/a.png"), quoted("https://example.org/a b.png"),
            quoted("https://example.org/" + times(2048, "x"))),
        // The clock stands at 2026-11-23T18:00:00Z; circles are planned 366 days ahead.
        BadRequest.field(
            "startAt", "1795543200", quoted(""), quoted("soon"), quoted("2026-11-24"),
            quoted("2026-11-24T18:00:00"), quoted("2026-11-31T18:00:00Z"),
            quoted("2026-11-24T25:00:00Z"), quoted("2026-11-23T17:58:59Z"),
            quoted("2020-01-01T00:00:00Z"), quoted("2027-11-24T18:00:01Z"),
            quoted("9999-12-31T23:59:59Z")),
        BadRequest.field(
            "durationMin", quoted("60"), "true", "[]", "30.5", "-1", "-9223372036854775808", "0",
            "4", "721", "9223372036854775807", "99999999999999999999", "1e300"),
        BadRequest.field("maxSpeakers", "0", "9", "-1", "2.5", quoted("8")),
        BadRequest.field("maxListeners", "0", "101", "-1", "false", quoted("100")),
        BadRequest.field("hostUid", quoted("eve")),
        BadRequest.field("status", quoted("live")),
        BadRequest.field("Category", quoted("music")),
        [
            .json("{}", fields: ["title"]),
            .json(
                #"{"durationMin":"long","maxSpeakers":9,"nope":null}"#,
                fields: ["title", "durationMin", "maxSpeakers", "nope"]),
        ],
    ]

    private static let malformed: [[UInt8]] =
        [
            "", " ", "{", #"{"title":"Vinyl"#, #"{"title":}"#, #"{'title':'Vinyl'}"#,
            #"{"title":"Vinyl"}x"#, "[]", #"[{"title":"Vinyl"}]"#, quoted("title"), "7", "null",
            #"{"title":"\ud800"}"#, nested(10_000), #"{"title":\#(nested(10_000))}"#,
            times(5000, #"{"title":"#),
        ].map { Array($0.utf8) }
        + [[0xFF, 0xFE], [0xC0, 0x80], [0xED, 0xA0, 0x80]].map { bytes in
            Array(#"{"title":""#.utf8) + bytes + Array(#""}"#.utf8)
        }

    private static let bodies: [BadRequest] =
        malformed.map { BadRequest(body: $0, status: 400, code: "malformed_json") }
        + [65_537, 1 << 20].map { .json(padded($0), status: 413, code: "body_too_large") }
        // At its limit a body is read, and found to be wrong inside.
        + [.json(padded(65_536), fields: ["title"])]
        + [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"].map {
            BadRequest(
                contentType: $0, body: Array(#"{"title":"Vinyl"}"#.utf8), status: 415,
                code: "unsupported_media_type")
        }

    private static let ids: [BadRequest] = [
        "x", "1", "%00", unknownID, unknownID + "0", times(32, "0"), "%27%20or%20true",
    ].flatMap { id -> [BadRequest] in
        let path = "/v1/circles/" + id
        let routes: [(method: HTTPRequest.Method, path: String, json: String)] = [
            (.get, path, ""), (.patch, path, #"{"title":"Vinyl"}"#), (.delete, path, ""),
            (.post, path + "/join", ""), (.post, path + "/leave", ""),
            (.post, path + "/hand-raise", ""), (.delete, path + "/hand-raise", ""),
            (.post, path + "/promote", #"{"uid":"bob"}"#),
            (.post, path + "/actions", #"{"action":"mute","uid":"bob"}"#),
        ]
        return routes.map { route in
            .json(route.json, route.method, route.path, status: 404, code: "circle_not_found")
        }
    }

    private static let queries: [BadRequest] = [
        "status=paused", "status=", "status=Live", "limit=0", "limit=101", "limit=-1", "limit=abc",
        "limit=", "limit=99999999999999999999", "startAfter=garbage", "startAfter=",
        "startAfter=2026-11-23T18:00:00Z", "page=2", "Status=live&limit=3",
    ].map { query in
        .json("", .get, "/v1/circles?" + query, fields: [String(query.prefix { $0 != "=" })])
    }

    private static let routes: [BadRequest] = [
        "/nowhere", "/v1", "/v1/rooms", "/v2/circles", "/v1/circles/\(unknownID)/members",
        "/v1/circles/\(unknownID)/join/again",
    ].map { .json("", .get, $0, status: 404, code: "route_not_found") }

    private static let everything: SQL = """
        select circles::text from circles union all select seats::text from seats
        union all select outbox::text from outbox union all select bans::text from bans
        order by 1
        """

    /// Sends the requests as the host and tells what is wrong with their answers.
    private func mismatches(of requests: [BadRequest], in api: TestAPI) async throws -> [String] {
        var headers = api.headers("Bearer " + (try await api.token("host")))
        var mismatches: [String] = []
        for request in requests {
            headers[.contentType] = request.contentType
            let answer = try await api.send(
                request.method, request.path, headers: headers,
                body: request.body.isEmpty ? nil : request.body)
            let body = String(decoding: request.body.prefix(60), as: UTF8.self)
            mismatches += answer.mismatches(request.status, request.code, request.fields).map {
                "\(request.method) \(request.path) \(body): \($0)"
            }
        }
        return mismatches
    }

    @Test("what is wrong is told by status, code and field, and nothing is written")
    func refusesBadInput() async throws {
        let requests =
            Self.fields.flatMap { $0 } + Self.bodies + Self.ids + Self.queries + Self.routes
        try await TestAPI.run(clock: ManualClock()) { api in
            let mismatches = try await mismatches(of: requests, in: api)
            #expect(mismatches.isEmpty, "\(mismatches.joined(separator: "\n"))")
            #expect(try await api.store.text(Self.everything) == "")
        }
    }

    /// Method, route, the fields that are named, the body.
    private static let commands = """
        PATCH  scheduled     status      {"status":"ended"}
        PATCH  scheduled     status      {"status":"scheduled"}
        PATCH  scheduled     title       {"title":" "}
        PATCH  scheduled     hostUid     {"hostUid":"eve","title":"Vinyl"}
        PATCH  scheduled     startAt     {"startAt":"2026-11-23T17:00:00Z"}
        PATCH  scheduled     coverUrl    {"privacy":"secret","coverUrl":"http://a"}
        POST   live/actions  action,uid  {}
        POST   live/actions  uid         {"action":"mute"}
        POST   live/actions  action      {"action":"explode","uid":"bob"}
        POST   live/actions  action      {"action":"ban","uid":"bob"}
        POST   live/actions  action,uid  {"action":7,"uid":7}
        POST   live/actions  ban         {"action":"mute","uid":"bob","ban":true}
        POST   live/actions  reason      {"action":"unmute","uid":"bob","reason":"x"}
        POST   live/actions  ban         {"action":"demote","uid":"bob","ban":false}
        POST   live/actions  ban         {"action":"kick","uid":"bob","ban":"yes"}
        POST   live/actions  until       {"action":"kick","uid":"bob","until":null}
        POST   live/promote  uid         {}
        POST   live/promote  uid         {"uid":["bob"]}
        POST   live/promote  role        {"uid":"bob","role":"host"}
        POST   live/join     role        {"role":"host"}
        """

    @Test("bad commands leave the circles that are there as they are")
    func leavesCirclesAlone() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let store = api.store
            let startAt = store.clock.now().adding(seconds: 3600)
            let scheduled = try await store.store.create(
                store.draft(startsNow: false, startAt: startAt), by: Caller(uid: "host"))
            let live = try await store.makeCircle()
            _ = try await store.store.join(live, by: Caller(uid: "bob"))
            let before = try await store.text(Self.everything)
            let requests = Self.commands.split(separator: "\n").map { line in
                let words = line.split(separator: " ", maxSplits: 3).map(String.init)
                let path = words[1].replacing("scheduled", with: "\(scheduled.circle.circleID)")
                    .replacing("live", with: "\(live)")
                return BadRequest.json(
                    words[3].trimmingCharacters(in: .whitespaces),
                    HTTPRequest.Method(rawValue: words[0])!, "/v1/circles/" + path,  // a token
                    fields: Set(words[2].split(separator: ",").map(String.init)))
            }
            let mismatches = try await mismatches(of: requests, in: api)
            #expect(mismatches.isEmpty, "\(mismatches.joined(separator: "\n"))")
            #expect(try await store.text(Self.everything) == before)
        }
    }

    @Test("a route that does not take the method says which it takes (RFC 9110 §15.5.6)")
    func refusesOtherMethods() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let requests: [(HTTPRequest.Method, String)] = [
                (.put, "/v1/circles"), (.delete, "/v1/circles"), (.post, "/healthz"),
                (.put, "/v1/circles/\(unknownID)"), (.get, "/v1/circles/\(unknownID)/join"),
            ]
            for (method, path) in requests {
                let answer = try await api.send(method, path, as: "host")
                #expect(answer.mismatches(405, "method_not_allowed") == [], "\(method) \(path)")
                #expect(answer.headers[.allow] != nil, "\(method) \(path)")
            }
        }
    }

    @Test(
        "deep nesting is refused before it is decoded, at any length", arguments: [9, 500, 20_000])
    func boundsNesting(depth: Int) async throws {
        let json = #"{"title": "Vinyl [[[[[[[[[[", "a": \#(nested(depth))}"#
        try await TestAPI.run(clock: ManualClock()) { api in
            let answer = try await api.send(.post, "/v1/circles", as: "host", json: json)
            #expect(answer.mismatches(400, "malformed_json") == [])
        }
    }

    @Test("each way to lack a key or a token has its code")
    func requiresKeyAndToken() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            func bearer(at seconds: Int64, by secret: String) async throws -> String {
                let now = clock.now().adding(seconds: seconds)
                return try await "Bearer "
                    + TokenVerifier.developmentToken(
                        uid: "ada", email: nil, secret: secret, now: now, lifetimeSeconds: 600)
            }
            let (secret, key) = (TestAPI.secret, api.apiKey)
            let valid = try await bearer(at: 0, by: secret)
            let parts = valid.split(separator: ".")
            let other = try await bearer(at: -1, by: secret).split(separator: ".")
            let cases: [(code: String, key: String?, authorization: String?)] = [
                ("api_key_missing", nil, nil), ("api_key_missing", nil, valid),
                ("api_key_missing", "", valid), ("api_key_invalid", key + "x", valid),
                ("token_missing", key, nil), ("token_missing", key, "Basic aG9zdDpob3N0"),
                ("token_malformed", key, "Bearer x"), ("token_malformed", key, "Bearer a.b.c"),
                ("token_expired", key, try await bearer(at: -600, by: secret)),
                ("token_invalid", key, try await bearer(at: 3600, by: secret)),
                ("token_invalid", key, try await bearer(at: 0, by: secret + "x")),
                ("token_invalid", key, "\(parts[0]).\(parts[1])."),
                ("token_invalid", key, "\(parts[0]).\(parts[1]).\(other[2])"),
                // The header is {"alg":"none"}.
                ("token_invalid", key, "Bearer eyJhbGciOiJub25lIn0.\(parts[1])."),
            ]
            let path = "/v1/circles"
            #expect(try await api.send(.get, path, headers: api.headers(valid)).status == 200)
            for (code, key, authorization) in cases {
                let answer = try await api.send(
                    .get, path, headers: api.headers(authorization, key: key))
                #expect(answer.mismatches(401, code) == [], "\(authorization ?? "none")")
                #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer ") == true)
            }
        }
    }
}
