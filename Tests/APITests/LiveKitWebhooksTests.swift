import CircleStore
import Crypto
import Domain
import Foundation
import JWTKit
import Testing
import Tokens

@testable import API

@Suite("LiveKit's webhooks (signature, body)")
struct LiveKitWebhooksTests {
    private static let secret =
        "a LiveKit secret with enough characters for the longest of all the hashes"
    private static let body = Array(#"{"event":"room_started","id":"EV_1"}"#.utf8)
    private static let now = Timestamp(seconds: 1_795_426_200)

    /// The claims of a token as LiveKit makes it for the body.
    private struct Claims: JWTPayload {
        var iss = "key"
        var nbf: Int? = 1_795_426_200
        var exp = 1_795_426_500
        var sha256 = Data(SHA256.hash(data: body)).base64EncodedString()

        func verify(using _: some JWTAlgorithm) throws {}
    }

    private func token(
        _ claims: Claims = Claims(), secret: String = secret, algorithm: DigestAlgorithm = .sha256
    ) async throws -> String {
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: secret), digestAlgorithm: algorithm)
        return try await keys.sign(claims)
    }

    /// The problem's code; `nil` when the message is taken.
    private func refusal(
        _ authorization: String?, body: [UInt8] = body, now: Timestamp = now
    ) -> String? {
        let webhooks = LiveKitWebhooks(apiKey: "key", apiSecret: Self.secret)
        do throws(Problem) {
            try webhooks.verify(authorization: authorization, body: body, now: now)
            return nil
        } catch {
            #expect(error.status.code == 401)
            return error.code
        }
    }

    @Test("a message that LiveKit signed is taken, with or without Bearer, while its token lasts")
    func takes() async throws {
        let token = try await token()
        #expect(refusal(token) == nil)
        #expect(refusal("Bearer \(token)") == nil)
        #expect(refusal(token, now: Self.now.adding(seconds: -30)) == nil)
        #expect(refusal(token, now: Self.now.adding(seconds: 329)) == nil)
        #expect(refusal(token, now: Self.now.adding(seconds: 330)) == "webhook_expired")
        var claims = Claims()
        claims.nbf = nil
        #expect(refusal(try await self.token(claims)) == nil)
    }

    @Test("a body of which a byte was changed, or another one, is refused")
    func bindsTheBody() async throws {
        let token = try await token()
        for index in Self.body.indices {
            var changed = Self.body
            changed[index] ^= 1
            #expect(refusal(token, body: changed) == "webhook_signature_invalid")
        }
        #expect(refusal(token, body: []) == "webhook_signature_invalid")
        #expect(refusal(token, body: Self.body + [10]) == "webhook_signature_invalid")
    }

    @Test("claims that do not fit are refused")
    func refusesClaims() async throws {
        let changes: [(String, (inout Claims) -> Void)] = [
            ("another issuer", { $0.iss = "other" }),
            ("no hash", { $0.sha256 = "" }),
            ("no base64", { $0.sha256 = "ä" }),
            ("half a hash", { $0.sha256 = String($0.sha256.prefix(20)) }),
            ("not yet", { $0.nbf = 1_795_426_231 }),
            ("good for longer than we remember deliveries", { $0.exp = 1_795_426_200 + 86_401 }),
        ]
        for (name, change) in changes {
            var claims = Claims()
            change(&claims)
            #expect(
                refusal(try await token(claims)) == "webhook_signature_invalid", "\(name)")
        }
    }

    @Test("another secret or another algorithm is refused, and so is none")
    func refusesAlgorithms() async throws {
        let other = try await token(secret: "another secret with enough characters too")
        #expect(refusal(other) == "webhook_signature_invalid")
        for algorithm in [DigestAlgorithm.sha384, .sha512] {
            let token = try await token(algorithm: algorithm)
            #expect(refusal(token) == "webhook_signature_invalid")
        }
        let rsa = JWTKeyCollection()
        await rsa.add(
            rsa: try PublishedKey.first.privateKey(), digestAlgorithm: .sha256)
        #expect(refusal(try await rsa.sign(Claims())) == "webhook_signature_invalid")
        // The claims of a good token under a header that asks for no check, or for ours in vain.
        let parts = try await token().split(separator: ".").map(String.init)
        for header in [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"hs256"}"#, #"{"alg":""}"#, "{}",
            #"{"alg":"HS256","typ":"JWT","crit":"x"}"#, #"{"alg":"RS256"}"#,
        ] {
            let head = Base64URL.encode(Array(header.utf8))
            for signature in ["", parts[2]] {
                #expect(
                    refusal("\(head).\(parts[1]).\(signature)") == "webhook_signature_invalid")
            }
        }
        #expect(refusal("\(parts[0]).\(parts[1]).") == "webhook_signature_invalid")
        #expect(refusal("\(parts[0]).\(parts[1])") == "webhook_signature_invalid")
    }

    @Test(
        "what is no token is refused",
        arguments: [
            nil, "", "Bearer", "Bearer ", "a.b.c", "..", String(repeating: ".", count: 100),
            String(repeating: "a", count: 20_000), "Basic YTpi", "\u{0}",
        ])
    func refusesGarbage(authorization: String?) {
        #expect(refusal(authorization) == "webhook_signature_invalid")
    }

    // MARK: The message

    private static let circle = "019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb"
    private static let session = "019acccc-cccc-7ccc-8ddd-dddddddddddd"

    private func report(_ participant: String, event: String = "participant_left") throws
        -> MediaReport?
    {
        let text = """
            {"event":"\(event)","id":"EV_1","createdAt":"1795426200",
             "room":{"sid":"RM_1","name":"\(Self.circle)","numParticipants":1},
             "participant":{"sid":"PA_1","identity":"ada","state":"DISCONNECTED",\(participant)}}
            """
        return try JSONDecoder().decode(LiveKitMessage.self, from: Data(text.utf8)).report
    }

    @Test("the session is read from the attributes, and from the metadata of older servers")
    func readsSessions() throws {
        let expected = MediaReport(
            deliveryID: "EV_1",
            session: CircleSession(
                circleID: CircleID(Self.circle)!, uid: "ada",  // well-formed, both
                sessionID: SessionID(Self.session)!),
            connectionID: "PA_1", connectedAt: Timestamp(seconds: 1_795_426_000),
            change: .disconnected(ends: .timeout))
        let joined = #""joinedAt":"1795426000""#
        #expect(
            try report(#"\#(joined),"attributes":{"sessionId":"\#(Self.session)"}"#) == expected)
        #expect(
            try report(
                #"\#(joined),"metadata":"{\"sessionId\":\"\#(Self.session)\",\"role\":\"host\"}""#)
                == expected)
        let precise = try report(
            #"\#(joined),"joinedAtMs":"1795426000123","attributes":{"sessionId":"\#(Self.session)"}"#
        )
        #expect(precise?.connectedAt == Timestamp(microseconds: 1_795_426_000_123_000))
    }

    @Test(
        "why a participant left decides what ends",
        arguments: [
            ("CLIENT_INITIATED", .left), ("DUPLICATE_IDENTITY", nil), ("MIGRATION", nil),
            ("SERVER_SHUTDOWN", .timeout), ("CONNECTION_TIMEOUT", .timeout),
            ("UNKNOWN_REASON", .timeout), ("of a newer server", .timeout),
        ] as [(String, LeaveReason?)])
    func readsReasons(text: String, reason: LeaveReason?) throws {
        let report = try report(
            #""disconnectReason":"\#(text)","attributes":{"sessionId":"\#(Self.session)"}"#)
        #expect(report?.change == .disconnected(ends: reason))
    }

    @Test("what is about nobody of ours, or another matter, is no report")
    func ignores() throws {
        let ours = #""attributes":{"sessionId":"\#(Self.session)"}"#
        #expect(try report(ours, event: "participant_joined")?.change == .connected)
        for event in ["room_started", "room_finished", "track_published", "", "participant"] {
            #expect(try report(ours, event: event) == nil)
        }
        for participant in [
            #""x":1"#, #""attributes":{}"#, #""attributes":{"sessionId":"x"}"#,
            #""metadata":"not JSON""#, #""metadata":"{\"sessionId\":7}""#,
            #"\#(ours),"joinedAt":"9223372036854775807""#, #"\#(ours),"joinedAt":"-1""#,
            #"\#(ours),"joinedAtMs":"9223372036854775807""#,
        ] {
            #expect(try report(participant) == nil, "\(participant)")
        }
    }
}
