import CircleStore
import Datagram
import Domain
import Testing
import Tokens

extension MediaTests {
    @Suite("Bad signalling (RFC 9725)")
    struct SignallingTests {
        private static let host = Caller(uid: "host")

        @Test("refuses every token that does not open this media now", .timeLimit(.minutes(2)))
        func tokens() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let (whip, whep) = (node.endpoint(.whip, circleID), node.endpoint(.whep, circleID))
                let host = try await stack.ticket("host", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                let former = try await stack.speakerTicket("former", in: circleID)
                let kicked = try await stack.ticket("kicked", in: circleID)
                // The node knows them before they lose what their tokens say.
                for ticket in [former, kicked] { _ = try await node.candidate(for: ticket) }
                _ = try await stack.store.demote("former", in: circleID, by: Self.host)
                try await stack.store.kick(
                    "kicked", in: circleID, reason: "", bans: true, by: Self.host)
                let otherID = try await stack.test.makeCircle(host: "other")
                let other = try await stack.ticket("other", in: otherID)
                let endedID = try await stack.test.makeCircle(host: "ended")
                let ended = try await stack.ticket("ended", in: endedID)
                _ = try await stack.store.end(endedID, by: Caller(uid: "ended"))
                let odd = try await OddMediaTokens(stack, host)

                var refusals = [
                    MediaRefusal(name: "none", url: whip, status: 401, code: "token_missing"),
                    MediaRefusal(
                        name: "garbage", url: whip, token: "garbage", status: 401,
                        code: "token_malformed"),
                    MediaRefusal(
                        name: "expired", url: whip, token: odd.expired, status: 401,
                        code: "token_expired"),
                    MediaRefusal(
                        name: "other secret", url: whip, token: odd.forged, status: 401,
                        code: "token_invalid"),
                    MediaRefusal(
                        name: "other circle", url: whip, token: other.token, status: 403,
                        code: "token_other_circle"),
                    MediaRefusal(
                        name: "listener", url: whip, token: fan.token, status: 403,
                        code: "not_a_speaker"),
                    MediaRefusal(
                        name: "role claimed", url: whip, token: odd.pretending(fan), status: 403,
                        code: "not_a_speaker"),
                    MediaRefusal(
                        name: "without seat", url: whip, token: odd.seatless, status: 403,
                        code: "token_without_seat"),
                    MediaRefusal(
                        name: "ended", url: node.endpoint(.whip, endedID), token: ended.token,
                        status: 404, code: "circle_not_live"),
                    MediaRefusal(
                        name: "unknown circle", url: node.endpoint(.whip, odd.unknownID),
                        token: odd.elsewhere, status: 404, code: "circle_not_live"),
                    MediaRefusal(
                        name: "no circle", url: "\(node.url)/whip/nonsense", token: host.token,
                        status: 404, code: "circle_not_live"),
                ]
                for refusal in refusals { try await refusal.check() }
                // The log brings these; until then the state may still allow them.
                refusals = [
                    MediaRefusal(
                        name: "demoted", url: whip, token: former.token, status: 403,
                        code: "not_a_speaker"),
                    MediaRefusal(
                        name: "kicked", url: whep, token: kicked.token, status: 403,
                        code: "session_over"),
                ]
                for refusal in refusals {
                    try await stack.pipeline.waitUntil("refusal of \(refusal.name)") {
                        try await MediaHTTP.offer(
                            MediaHTTP.sdp, to: refusal.url, token: refusal.token ?? ""
                        ).status == refusal.status
                    }
                    try await refusal.check()
                }
            }
        }

        @Test("refuses every offer that cannot be answered", .timeLimit(.minutes(2)))
        func offers() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let whip = node.endpoint(.whip, circleID)
                let sdp = MediaHTTP.sdp
                let video = sdp.replacingOccurrences(of: "m=audio", with: "m=video")
                let listening = sdp.replacingOccurrences(of: "a=sendonly", with: "a=recvonly")
                let bodies: [(String, String?, UInt, String)] = [
                    ("empty", "", 400, "malformed_description"),
                    ("none", nil, 400, "malformed_description"),
                    ("garbage", "v=0\u{0}\r\n\u{1}", 400, "malformed_description"),
                    ("JSON", #"{"sdp": "v=0"}"#, 400, "malformed_description"),
                    (
                        "100 KiB", sdp + String(repeating: "a=x\r\n", count: 20_000), 413,
                        "body_too_large"
                    ),
                    (
                        "no sections", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 422,
                        "offer_refused"
                    ),
                    ("video only", video, 422, "offer_refused"),
                    ("nothing sent", listening, 422, "offer_refused"),
                    (
                        "no fingerprint",
                        sdp.replacingOccurrences(of: MediaHTTP.fingerprint, with: ""), 422,
                        "offer_refused"
                    ),
                    (
                        "not bundled", sdp.replacingOccurrences(of: MediaHTTP.group, with: ""),
                        422, "offer_refused"
                    ),
                    (
                        "no mux", sdp.replacingOccurrences(of: "a=rtcp-mux\r\n", with: ""), 422,
                        "offer_refused"
                    ),
                    (
                        "no Opus", sdp.replacingOccurrences(of: "opus/48000/2", with: "PCMU/8000"),
                        422, "offer_refused"
                    ),
                    (
                        "server asks to be server",
                        sdp.replacingOccurrences(of: "setup:actpass", with: "setup:passive"), 422,
                        "offer_refused"
                    ),
                ]
                for (name, body, status, code) in bodies {
                    try await MediaRefusal(
                        name: name, url: whip, token: host.token, body: body, status: status,
                        code: code
                    ).check()
                }
                for type in ["text/plain", "application/trickle-ice-sdpfrag", nil] {
                    try await MediaRefusal(
                        name: "type \(type ?? "none")", url: whip, token: host.token, type: type,
                        status: 415, code: "unsupported_media_type"
                    ).check()
                }
                try await Self.expectMutationsAreHarmless(whip, host.token)
            }
        }

        /// A seeded mutation is either answered or refused by name.
        private static func expectMutationsAreHarmless(
            _ endpoint: String, _ token: String
        ) async throws {
            var random = SplitMix64(seed: 20_251_124)
            for round in 0..<200 {
                var bytes = Array(MediaHTTP.sdp.utf8)
                for _ in 0...random.next() % 6 {
                    let place = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 3 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: place)
                    default: bytes.removeLast(bytes.count - max(place, 1))
                    }
                }
                let answer = try await MediaHTTP.offer(
                    String(decoding: bytes, as: UTF8.self), to: endpoint, token: token)
                #expect(
                    [201, 400, 422].contains(answer.status),
                    "round \(round): \(answer.status) \(answer.body)")
            }
        }

        @Test(
            "keeps resources apart, and restarts ICE only for who knows its tag",
            .timeLimit(.minutes(2)))
        func resources() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                let made = try await MediaHTTP.offer(
                    MediaHTTP.sdp, to: node.endpoint(.whip, circleID), token: host.token)
                #expect(made.status == 201)
                #expect(made.headers["content-type"] == "application/sdp")
                let tag = try #require(made.headers["etag"])
                let resource = node.url + (try #require(made.headers["location"]))
                let unknown = node.endpoint(.whip, circleID) + "/unknown"
                let fragment = "application/trickle-ice-sdpfrag"
                let restart = "a=ice-ufrag:Efgh\r\na=ice-pwd:zyxwvutsrqponmlkjihgfedc\r\n"
                for method in ["GET", "DELETE"] {
                    for (token, url) in [(host.token, unknown), (fan.token, resource)] {
                        try await MediaRefusal(
                            name: "\(method) \(url)", method: method, url: url, token: token,
                            type: nil, body: nil, status: 404, code: "resource_not_found"
                        ).check()
                    }
                }
                let patches: [(String, String?, String?, String?, UInt, String)] = [
                    ("other's", fan.token, fragment, "*", 404, "resource_not_found"),
                    ("no tag", host.token, fragment, nil, 428, "precondition_required"),
                    ("wrong tag", host.token, fragment, "\"x\"", 412, "precondition_failed"),
                    ("SDP", host.token, "application/sdp", "*", 415, "unsupported_media_type"),
                    ("no token", nil, fragment, "*", 401, "token_missing"),
                ]
                for (name, token, type, ifMatch, status, code) in patches {
                    try await MediaRefusal(
                        name: name, method: "PATCH", url: resource, token: token, type: type,
                        ifMatch: ifMatch, body: restart, status: status, code: code
                    ).check()
                }
                for (method, url) in [
                    ("PUT", resource), ("POST", resource), ("GET", node.endpoint(.whip, circleID)),
                    ("GET", "\(node.url)/nothing"),
                ] {
                    let answer = try await MediaHTTP.send(
                        method, url, headers: ["Authorization": "Bearer \(host.token)"])
                    #expect([404, 405].contains(answer.status), "\(method): \(answer.body)")
                    #expect(answer.code == "route_not_found", "\(method) \(url)")
                }
                let trickled = try await MediaHTTP.send(
                    "PATCH", resource,
                    headers: [
                        "Authorization": "Bearer \(host.token)", "Content-Type": fragment,
                        "If-Match": tag,
                    ], body: "a=end-of-candidates\r\n")
                #expect(trickled.status == 204, "an ICE-lite server needs no candidates")
                let changed = try await MediaHTTP.send(
                    "PATCH", resource,
                    headers: [
                        "Authorization": "Bearer \(host.token)", "Content-Type": fragment,
                        "If-Match": "*",
                    ], body: restart)
                #expect(changed.status == 200)
                #expect(
                    try await MediaHTTP.beginning(of: resource + "/events", token: host.token)
                        == "event: mapping\ndata: {\"sections\":[{\"mid\":\"1\",\"uid\":null}]}\n\n"
                )
                #expect(changed.headers["etag"] != tag && changed.headers["etag"] != nil)
                #expect(changed.body.contains("a=ice-pwd:"))
            }
        }

        @Test("lets pages of any origin call, and read what they need", .timeLimit(.minutes(2)))
        func crossOrigin() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let whip = node.endpoint(.whip, circleID)
                let origin = ["Origin": "https://app.test"]
                for method in ["POST", "PATCH", "DELETE", "GET", "PUT"] {
                    let preflight = try await MediaHTTP.send(
                        "OPTIONS", whip,
                        headers: origin.merging([
                            "Access-Control-Request-Method": method,
                            "Access-Control-Request-Headers":
                                "authorization,content-type,if-match",
                        ]) { $1 })
                    #expect((200...204).contains(preflight.status))
                    let methods = preflight.headers["access-control-allow-methods"] ?? ""
                    #expect(methods.contains(method), "\(methods)")
                    let headers = (preflight.headers["access-control-allow-headers"] ?? "")
                        .lowercased()
                    for header in ["authorization", "content-type", "if-match"] {
                        #expect(headers.contains(header), "\(headers)")
                    }
                }
                let answers = [
                    try await MediaHTTP.send(
                        "POST", whip,
                        headers: origin.merging([
                            "Authorization": "Bearer \(host.token)",
                            "Content-Type": "application/sdp",
                        ]) { $1 }, body: MediaHTTP.sdp),
                    // A refusal can be read too.
                    try await MediaHTTP.send("POST", whip, headers: origin, body: MediaHTTP.sdp),
                ]
                #expect(answers.map(\.status) == [201, 401])
                for answer in answers {
                    #expect(answer.headers["access-control-allow-origin"] == "*")
                    let exposed = answer.headers["access-control-expose-headers"] ?? ""
                    for header in ["Location", "ETag", "Link"] {
                        #expect(exposed.contains(header), "\(answer.status): \(exposed)")
                    }
                }
            }
        }
    }
}
