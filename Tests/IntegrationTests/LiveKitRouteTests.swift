import Crypto
import Domain
import EventSchema
import Foundation
import HTTPTypes
import TestKit
import Testing
import Tokens

@testable import API
@testable import CircleStore
@testable import Jobs

@Suite("POST /webhooks/livekit")
struct LiveKitRouteTests {
    private static let secret = "a LiveKit secret with enough characters"
    private static let webhooks = LiveKitWebhooks(apiKey: "key", apiSecret: secret)

    /// A token as LiveKit puts it into `Authorization`.
    private static func token(_ body: String, at now: Timestamp) -> String {
        let seconds = now.microseconds / 1_000_000
        let hash = Data(SHA256.hash(data: Data(body.utf8))).base64EncodedString()
        let signed =
            Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "."
            + Base64URL.encode(
                Array(
                    #"{"iss":"key","nbf":\#(seconds),"exp":\#(seconds + 300),"sha256":"\#(hash)"}"#
                        .utf8))
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(signed.utf8), using: SymmetricKey(data: Data(secret.utf8)))
        return signed + "." + Base64URL.encode(Array(code))
    }

    private static func post(
        _ api: TestAPI, _ body: String, token: String? = nil,
        type: String = "application/webhook+json"
    ) async throws -> TestAPI.Answer {
        let token = token ?? Self.token(body, at: api.store.clock.now())
        return try await api.send(
            .post, "/v1/webhooks/livekit",
            headers: [.authorization: token, .contentType: type], body: Array(body.utf8))
    }

    private static func message(
        _ event: String, id: String, circle: CircleID, session: SessionID, uid: String = "bob",
        connection: String = "PA_1", joinedAt: Int = 1_000, reason: String = "CLIENT_INITIATED"
    ) -> String {
        """
        {"event":"\(event)","id":"\(id)","room":{"name":"\(circle)"},"participant":{\
        "sid":"\(connection)","identity":"\(uid)","joinedAt":"\(joinedAt)",\
        "disconnectReason":"\(reason)","attributes":{"sessionId":"\(session)","role":"listener"}}}
        """
    }

    /// The last events of the circle, as the outbox has them.
    private static func events(_ api: TestAPI, after count: Int) async throws -> [String] {
        try await api.store.outboxRecords().dropFirst(count).map { record in
            let payload = try EventCodec.decode(record).payload
            return payload.typeName + (payload.reason.map { " \($0)" } ?? "")
        }
    }

    /// Runs `body` with a live circle in which bob has just taken a seat.
    private static func run(
        clock: any WallClock = ManualClock(),
        _ body:
            @escaping @Sendable (TestAPI, CircleID, SessionID, _ count: Int) async throws -> Void
    ) async throws {
        try await TestAPI.run(clock: clock, webhooks: webhooks) { api in
            let circle = try await api.store.makeCircle(host: "ada")
            let admission = try await api.store.store.join(circle, by: Caller(uid: "bob"))
            let session = try #require(admission.seat?.sessionID)
            try await body(api, circle, session, try await api.store.outboxRecords().count)
        }
    }

    private static func outcome(_ answer: TestAPI.Answer) -> String {
        "\(answer.status) \(answer.text("outcome") ?? answer.code ?? "")"
    }

    @Test("joining connects the media, leaving takes it and the seat away")
    func followsParticipants() async throws {
        try await Self.run { api, circle, session, count async throws in
            let joined = Self.message(
                "participant_joined", id: "EV_1", circle: circle, session: session)
            #expect(Self.outcome(try await Self.post(api, joined)) == "200 recorded")
            #expect(try await Self.events(api, after: count) == ["mediaConnected"])
            let left = Self.message(
                "participant_left", id: "EV_2", circle: circle, session: session)
            #expect(Self.outcome(try await Self.post(api, left)) == "200 recorded")
            let events = try await Self.events(api, after: count + 1)
            #expect(events == ["mediaDisconnected", "memberLeft left"])
            #expect(try await api.store.number("select count(*) from seats where uid = 'bob'") == 0)
        }
    }

    @Test(
        "the reason of a leave is the client's own, or a timeout; another connection ends nothing",
        arguments: [
            ("CLIENT_INITIATED", ["mediaDisconnected", "memberLeft left"]),
            ("CONNECTION_TIMEOUT", ["mediaDisconnected", "memberLeft timeout"]),
            ("SERVER_SHUTDOWN", ["mediaDisconnected", "memberLeft timeout"]),
            ("DUPLICATE_IDENTITY", ["mediaDisconnected"]), ("MIGRATION", ["mediaDisconnected"]),
        ])
    func tellsReasons(reason: String, events: [String]) async throws {
        try await Self.run { api, circle, session, count async throws in
            let left = Self.message(
                "participant_left", id: "EV_1", circle: circle, session: session, reason: reason)
            #expect(Self.outcome(try await Self.post(api, left)) == "200 recorded")
            #expect(try await Self.events(api, after: count) == events)
        }
    }

    @Test("a message that comes again changes nothing, however often and at once")
    func takesOnce() async throws {
        try await Self.run { api, circle, session, count async throws in
            let joined = Self.message(
                "participant_joined", id: "EV_1", circle: circle, session: session)
            let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask { Self.outcome(try await Self.post(api, joined)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted()
            }
            #expect(
                outcomes == ["200 recorded"] + Array(repeating: "200 repeated", count: 7).sorted())
            #expect(try await Self.events(api, after: count) == ["mediaConnected"])
        }
    }

    @Test("an older connection's leave, however late, does not end the newer one")
    func keepsNewerConnections() async throws {
        try await Self.run { api, circle, session, count async throws in
            func post(_ event: String, _ id: String, _ connection: String, _ at: Int) async throws
                -> String
            {
                Self.outcome(
                    try await Self.post(
                        api,
                        Self.message(
                            event, id: id, circle: circle, session: session,
                            connection: connection, joinedAt: at, reason: "CONNECTION_TIMEOUT")))
            }
            #expect(try await post("participant_joined", "EV_1", "PA_1", 100) == "200 recorded")
            #expect(try await post("participant_joined", "EV_2", "PA_2", 200) == "200 recorded")
            #expect(try await post("participant_left", "EV_3", "PA_1", 100) == "200 superseded")
            #expect(try await post("participant_joined", "EV_4", "PA_1", 100) == "200 superseded")
            #expect(try await post("participant_joined", "EV_5", "PA_2", 200) == "200 superseded")
            #expect(
                try await Self.events(api, after: count) == ["mediaConnected", "mediaConnected"])
            #expect(try await post("participant_left", "EV_6", "PA_2", 200) == "200 recorded")
            #expect(try await post("participant_joined", "EV_7", "PA_2", 200) == "200 unknown")
        }
    }

    @Test("an old session's leave does not end a new session, nor another member's")
    func keepsNewerSessions() async throws {
        try await Self.run { api, circle, session, _ async throws in
            try await api.store.store.leave(circle, by: Caller(uid: "bob"))
            let again = try await api.store.store.join(circle, by: Caller(uid: "bob"))
            let count = try await api.store.outboxRecords().count
            let old = Self.message(
                "participant_left", id: "EV_1", circle: circle, session: session)
            #expect(Self.outcome(try await Self.post(api, old)) == "200 unknown")
            let newer = try #require(again.seat?.sessionID)
            let stranger = Self.message(
                "participant_left", id: "EV_2", circle: circle, session: newer, uid: "eve")
            #expect(Self.outcome(try await Self.post(api, stranger)) == "200 unknown")
            #expect(try await Self.events(api, after: count) == [])
            #expect(try await api.store.number("select count(*) from seats where uid = 'bob'") == 1)
        }
    }

    @Test("other events, rooms and participants are acknowledged and change nothing")
    func acknowledges() async throws {
        try await Self.run { api, circle, session, count async throws in
            let messages = [
                #"{"event":"room_started","id":"EV_1","room":{"name":"\#(circle)"}}"#:
                    "200 ignored",
                #"{"event":"track_published","id":"EV_2"}"#: "200 ignored",
                #"{"event":"participant_joined","id":"EV_3"}"#: "200 unknown",
                Self.message(
                    "participant_joined", id: "EV_4",
                    circle: CircleID(now: Timestamp(seconds: 1)), session: session):
                    "200 unknown",
                #"{"event":"participant_joined","id":""}"#: "400 malformed_json",
                #"{"event":"participant_joined"}"#: "400 malformed_json",
                "[]": "400 malformed_json", "": "400 malformed_json",
            ]
            for (message, expected) in messages {
                #expect(Self.outcome(try await Self.post(api, message)) == expected, "\(message)")
            }
            #expect(try await Self.events(api, after: count) == [])
        }
    }

    @Test("a connected member's seat is kept although nothing more is heard; memory is bounded")
    func keepsSeats() async throws {
        let clock = ManualClock()
        try await Self.run(clock: clock) { api, circle, session, _ async throws in
            let joined = Self.message(
                "participant_joined", id: "EV_1", circle: circle, session: session)
            _ = try await Self.post(api, joined)
            let hours = try await api.store.number(
                """
                select extract(epoch from lease_expires_at - joined_at)::int8 / 3600
                from seats where uid = 'bob'
                """)
            #expect(hours == 12)
            clock.advance(seconds: 8 * 86_400)
            let left = Self.message(
                "participant_left", id: "EV_2", circle: circle, session: session)
            #expect(Self.outcome(try await Self.post(api, left)) == "200 recorded")
            _ = try await Pruning(pool: api.store.pool).run(at: clock.now())
            #expect(
                try await api.store.text("select delivery_id from webhook_deliveries") == "EV_2")
        }
    }

    @Test("unsigned, altered and oversized messages are refused, and nothing is written")
    func refusesForgeries() async throws {
        try await Self.run { api, circle, session, count async throws in
            let body = Self.message(
                "participant_left", id: "EV_1", circle: circle, session: session)
            let now = api.store.clock.now()
            let good = Self.token(body, at: now)
            let parts = good.split(separator: ".")
            let none = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
            let cases: [(token: String, status: Int, code: String)] = [
                ("", 401, "webhook_signature_invalid"),
                ("\(none).\(parts[1]).", 401, "webhook_signature_invalid"),
                ("\(none).\(parts[1]).\(parts[2])", 401, "webhook_signature_invalid"),
                (Self.token(body + " ", at: now), 401, "webhook_signature_invalid"),
                (Self.token(body, at: now.adding(seconds: -331)), 401, "webhook_expired"),
                (
                    Self.token(body, at: now.adding(seconds: 31)), 401,
                    "webhook_signature_invalid"
                ),
            ]
            for (token, status, code) in cases {
                let answer = try await Self.post(api, body, token: token)
                #expect(answer.mismatches(status, code) == [], "\(token)")
            }
            let plain = try await Self.post(api, body, type: "application/json")
            #expect(plain.mismatches(415, "unsupported_media_type") == [])
            let huge = body + String(repeating: " ", count: 64 << 10)
            #expect(try await Self.post(api, huge).mismatches(413, "body_too_large") == [])
            #expect(try await Self.events(api, after: count) == [])
            #expect(try await api.store.number("select count(*) from webhook_deliveries") == 0)
            #expect(Self.outcome(try await Self.post(api, body)) == "200 recorded")
        }
    }

    @Test("without a hosted LiveKit there is no such route")
    func needsLiveKit() async throws {
        try await TestAPI.run { api in
            let answer = try await Self.post(api, "{}")
            #expect(answer.mismatches(404, "route_not_found") == [])
        }
    }

    @Test("a node of our own takes no member of a hosted LiveKit for lost")
    func staysOutOfTheNodesWay() async throws {
        // A clock that stands: on a busy machine the node would fall silent meanwhile.
        let test = try TestStore(clock: ManualClock())
        _ = try await test.nodeStore.registerNode("sfu-1", url: "http://one")
        let circle = try await test.makeCircle(host: "ada")
        let seat = try #require(
            try await test.store.join(circle, by: Caller(uid: "bob")).seat)
        try await test.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into attendances (
                    circle_id, session_id, uid, joined_at, first_role, last_role, roles, stage_us,
                    talk_us, hand_raise_count, promotion_count, was_kicked, ice_ms
                )
                values (
                    \(circle), \(seat.sessionID), 'bob', \(seat.joinedAt), 'listener', 'listener',
                    '[]', 0, 0, 0, 0, false, 0
                )
                """)
        }
        #expect(try await test.store.sessionsWithMedia(onNode: "sfu-1").count == 1)
        let session = CircleSession(circleID: circle, uid: "bob", sessionID: seat.sessionID)
        let report = MediaReport(
            deliveryID: "EV_1", session: session, connectionID: "PA_1",
            connectedAt: seat.joinedAt, change: .connected)
        #expect(try await test.store.record(report) == .recorded)
        #expect(try await test.store.sessionsWithMedia(onNode: "sfu-1").isEmpty)
    }
}
