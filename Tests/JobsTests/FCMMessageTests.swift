import Domain
import Foundation
import Testing

@testable import Jobs

@Suite("Messages for FCM (REST reference v1, projects.messages)")
struct FCMMessageTests {
    private static let now = Timestamp(rfc3339: "2026-11-23T17:50:00Z")!  // well-formed
    private static let circleID = CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0001)

    private func push(title: String = "Vinyl night") -> Push {
        Push(
            type: "reminder", circleID: Self.circleID, title: title, body: "Starts in 10 minutes",
            deepLink: "mixercloud://circles/\(Self.circleID)",
            expiresAt: Self.now.adding(seconds: 900))
    }

    @Test("the JSON is exactly this")
    func encodes() throws {
        let bytes = try FCMMessage(push(), token: "token:1", now: Self.now).bytes()
        let id = "\(Self.circleID)"
        let expected = """
            {"message":{"android":{"collapse_key":"reminder-\(id)","notification":\
            {"tag":"reminder-\(id)"},"priority":"HIGH","ttl":"900s"},\
            "apns":{"headers":{"apns-collapse-id":"reminder-\(id)","apns-expiration":"1795457100",\
            "apns-priority":"10","apns-push-type":"alert"},\
            "payload":{"aps":{"alert":{"body":"Starts in 10 minutes","title":"Vinyl night"},\
            "category":"reminder","sound":"default","thread-id":"\(id)"}}},\
            "data":{"circleId":"\(id)","deepLink":"mixercloud://circles/\(id)","type":"reminder"},\
            "notification":{"body":"Starts in 10 minutes","title":"Vinyl night"},\
            "token":"token:1",\
            "webpush":{"headers":{"TTL":"900","Urgency":"high"}}}}
            """
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        #expect(push().collapseID.utf8.count <= 64)
    }

    @Test("what has expired already is for now or never")
    func expires() throws {
        let bytes = try FCMMessage(push(), token: "t", now: Self.now.adding(seconds: 901)).bytes()
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""ttl":"0s""#))
    }

    @Test(
        "no title makes it longer than FCM takes, and each comes back as it was",
        arguments: [
            String(repeating: "\"\\", count: 400), String(repeating: "👨‍👩‍👧‍👦", count: 100),
            "<script>alert(1)</script>", String(repeating: "ß", count: 1000),
            String(repeating: "\u{1}\u{7F}", count: 300) + "x",
        ])
    func holdsLimit(title: String) throws {
        let shown = PushText.cut(PushText.clean(title))
        let bytes = try FCMMessage(push(title: shown), token: "t", now: Self.now).bytes()
        #expect(bytes.count <= FCMMessage.byteCountMax)
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: [String: Any]])
        let notification = json["message"]?["notification"] as? [String: String]
        #expect(notification?["title"] == shown)
    }
}
