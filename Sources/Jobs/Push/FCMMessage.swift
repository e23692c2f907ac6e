import Domain
import Foundation

/// The body of `messages:send`. Source: Firebase, REST reference v1, `projects.messages`.
struct FCMMessage: Encodable {
    /// What FCM takes of one message.
    static let byteCountMax = 4096

    private let message: Message

    init(_ push: Push, token: String, now: Timestamp) {
        let lifetime = max((push.expiresAt.microseconds - now.microseconds) / 1_000_000, 0)
        let data = [
            "circleId": "\(push.circleID)", "type": push.type, "deepLink": push.deepLink,
        ]
        message = Message(
            token: token,
            notification: .init(title: push.title, body: push.body),
            data: data,
            android: .init(
                collapse_key: push.collapseID, priority: "HIGH", ttl: "\(lifetime)s",
                notification: .init(tag: push.collapseID)),
            apns: .init(
                headers: [
                    "apns-collapse-id": push.collapseID, "apns-priority": "10",
                    "apns-push-type": "alert",
                    "apns-expiration": "\(push.expiresAt.microseconds / 1_000_000)",
                ],
                payload: .init(
                    aps: .init(
                        alert: .init(title: push.title, body: push.body), sound: "default",
                        threadID: "\(push.circleID)", category: push.type))),
            webpush: .init(headers: ["TTL": "\(lifetime)", "Urgency": "high"]))
    }

    func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    private struct Message: Encodable {
        let token: String
        let notification: Text
        let data: [String: String]
        let android: Android
        let apns: APNs
        let webpush: WebPush
    }

    private struct Text: Encodable {
        let title: String
        let body: String
    }

    private struct Android: Encodable {
        let collapse_key: String
        let priority: String
        let ttl: String
        let notification: Tag

        struct Tag: Encodable {
            let tag: String
        }
    }

    private struct APNs: Encodable {
        let headers: [String: String]
        let payload: Payload

        struct Payload: Encodable {
            let aps: APS
        }

        struct APS: Encodable {
            let alert: Text
            let sound: String
            let threadID: String
            let category: String

            enum CodingKeys: String, CodingKey {
                case alert, sound, category
                case threadID = "thread-id"
            }
        }
    }

    private struct WebPush: Encodable {
        let headers: [String: String]
    }
}
