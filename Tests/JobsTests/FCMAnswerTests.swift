import Domain
import Testing

@testable import Jobs

@Suite("Answers of FCM (REST reference v1, ErrorCode)")
struct FCMAnswerTests {
    private static let now = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!  // well-formed

    static func error(_ status: Int, _ rpc: String, _ code: String? = nil) -> String {
        let detail = code.map {
            #"{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"\#($0)"}"#
        }
        return
            #"{"error":{"code":\#(status),"message":"m","status":"\#(rpc)","details":[\#(detail ?? "")]}}"#
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int
        let body: String?
        var retryAfter: String?
        let expected: FCMAnswer

        var testDescription: String { "\(status) \(body?.prefix(160) ?? "∅") \(retryAfter ?? "")" }
    }

    private static func failed(_ reason: String, isTokenDead: Bool = false) -> FCMAnswer {
        .outcome(.failed(reason: reason, isTokenDead: isTokenDead))
    }

    static let cases: [Case] = [
        Case(
            status: 200, body: #"{"name":"projects/p/messages/1"}"#,
            expected: .outcome(.sent(messageName: "projects/p/messages/1"))),
        Case(
            status: 404, body: error(404, "NOT_FOUND", "UNREGISTERED"),
            expected: failed("404 UNREGISTERED", isTokenDead: true)),
        Case(
            status: 403, body: error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
            expected: failed("403 SENDER_ID_MISMATCH", isTokenDead: true)),
        Case(
            status: 400, body: error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
            expected: failed("400 INVALID_ARGUMENT")),
        Case(
            status: 401, body: error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
            expected: failed("401 THIRD_PARTY_AUTH_ERROR")),
        Case(status: 401, body: error(401, "UNAUTHENTICATED"), expected: .unauthenticated),
        Case(status: 401, body: nil, expected: .unauthenticated),
        Case(
            status: 429, body: error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
            retryAfter: "75",
            expected: .outcome(.rest(reason: "429 QUOTA_EXCEEDED", waitMilliseconds: 75_000))),
        Case(
            status: 429, body: error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
            retryAfter: "Mon, 23 Nov 2026 18:02:00 GMT",
            expected: .outcome(.rest(reason: "429 QUOTA_EXCEEDED", waitMilliseconds: 120_000))),
        Case(
            status: 429, body: "<html>", retryAfter: "soon",
            expected: .outcome(
                .rest(reason: "429 in no form of FCM's", waitMilliseconds: nil))),
        Case(
            status: 503, body: error(503, "UNAVAILABLE", "UNAVAILABLE"), retryAfter: "20",
            expected: .outcome(.rest(reason: "503 UNAVAILABLE", waitMilliseconds: 20_000))),
        Case(
            status: 503, body: error(503, "UNAVAILABLE", "UNAVAILABLE"),
            expected: .outcome(.retry(reason: "503 UNAVAILABLE", waitMilliseconds: nil))),
        Case(
            status: 500, body: error(500, "INTERNAL", "INTERNAL"),
            expected: .outcome(.retry(reason: "500 INTERNAL", waitMilliseconds: nil))),
        Case(
            status: 500, body: error(500, "UNKNOWN", "UNSPECIFIED_ERROR"),
            expected: .outcome(.retry(reason: "500 UNSPECIFIED_ERROR", waitMilliseconds: nil))),
        // Something between us and FCM: it may have passed the message on.
        Case(
            status: 502, body: "<html>Bad gateway</html>",
            expected: .outcome(.uncertain(reason: "502 in no form of FCM's"))),
        Case(
            status: 503, body: nil, retryAfter: "1",
            expected: .outcome(.uncertain(reason: "503 in no form of FCM's"))),
        Case(
            status: 200, body: "{",
            expected: .outcome(.uncertain(reason: "200 without a message's name"))),
        Case(
            status: 200, body: #"{"name":""}"#,
            expected: .outcome(.uncertain(reason: "200 without a message's name"))),
        Case(
            status: 200, body: nil,
            expected: .outcome(.uncertain(reason: "200 without a message's name"))),
        // A wrong project or address is no token's fault.
        Case(status: 404, body: error(404, "NOT_FOUND"), expected: failed("404 NOT_FOUND")),
        Case(status: 404, body: "nothing here", expected: failed("404 in no form of FCM's")),
        Case(
            status: 403, body: error(403, "PERMISSION_DENIED"),
            expected: failed("403 PERMISSION_DENIED")),
        Case(status: 301, body: "", expected: failed("301 in no form of FCM's")),
        Case(
            status: 400, body: error(400, "A\\u0000\\n<b>ß_1", nil), expected: failed("400 Ab_1")),
    ]

    @Test("each answer means what Google says of it", arguments: cases)
    func reads(_ one: Case) {
        let answer = FCMAnswer(
            status: one.status, retryAfter: one.retryAfter, body: one.body.map { Array($0.utf8) },
            now: Self.now)
        #expect(answer == one.expected)
    }
}
