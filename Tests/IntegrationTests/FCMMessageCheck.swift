import Foundation

/// Reads a message as FCM does: an unknown field or a value of another kind is an error.
/// Source: Firebase, REST reference v1, `projects.messages`.
struct FCMMessageCheck {
    struct Message {
        let token: String
        let title: String
        let body: String
        let circleID: String
    }

    private(set) var complaints: [String] = []
    private(set) var message: Message?

    init(_ bytes: Data) {
        guard let root = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any] else {
            complaints = ["no JSON object"]
            return
        }
        if bytes.count > 4096 { complaints.append("\(bytes.count) bytes") }
        only(root, ["message"])
        let message = object(root, "message")
        only(message, ["token", "notification", "data", "android", "apns", "webpush"])
        let notification = object(message, "notification")
        strings(notification, named: ["title", "body"])
        let data = object(message, "data")
        strings(data, named: ["circleId", "type", "deepLink"])
        let android = object(message, "android")
        only(android, ["collapse_key", "priority", "ttl", "notification"])
        expect(["HIGH", "NORMAL"].contains(android["priority"] as? String ?? ""), "priority")
        expect((android["ttl"] as? String)?.wholeMatch(of: /[0-9]+s/) != nil, "ttl")
        strings(object(android, "notification"), named: ["tag"])
        let apns = object(message, "apns")
        only(apns, ["headers", "payload"])
        let headers = object(apns, "headers")
        strings(
            headers,
            named: ["apns-collapse-id", "apns-priority", "apns-push-type", "apns-expiration"])
        let collapse = headers["apns-collapse-id"] as? String ?? ""
        expect((1...64).contains(collapse.utf8.count), "apns-collapse-id")
        expect(collapse == android["collapse_key"] as? String, "collapse_key")
        let payload = object(apns, "payload")
        only(payload, ["aps"])
        let aps = object(payload, "aps")
        only(aps, ["alert", "sound", "thread-id", "category"])
        strings(object(aps, "alert"), named: ["title", "body"])
        let web = object(message, "webpush")
        only(web, ["headers"])
        strings(object(web, "headers"), named: ["TTL", "Urgency"])
        let token = message["token"] as? String ?? ""
        expect(!token.isEmpty, "token")
        self.message = Message(
            token: token, title: notification["title"] as? String ?? "",
            body: notification["body"] as? String ?? "", circleID: data["circleId"] as? String ?? ""
        )
    }

    private mutating func expect(_ holds: Bool, _ name: String) {
        if !holds { complaints.append(name) }
    }

    private mutating func object(_ parent: [String: Any], _ name: String) -> [String: Any] {
        let object = parent[name] as? [String: Any]
        expect(object != nil, name)
        return object ?? [:]
    }

    private mutating func only(_ object: [String: Any], _ names: Set<String>) {
        expect(Set(object.keys) == names, "\(object.keys.sorted())")
    }

    private mutating func strings(_ object: [String: Any], named names: Set<String>) {
        expect(Set(object.keys) == names, "\(names.sorted())")
        expect(object.values.allSatisfy { $0 is String }, "strings of \(names.sorted())")
    }
}
