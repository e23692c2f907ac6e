import Domain

/// What a client makes of a stream: a snapshot and what came after it.
struct LiveClient {
    struct Member: Equatable {
        var sessionID: String
        var role: String
        var isMuted = false
        var isConnected = false
        var isSpeaking = false
        var handRaisedAt: Timestamp?
    }

    private(set) var last: Int64?
    private(set) var members: [String: Member] = [:]
    private(set) var hasEnded = false
    private(set) var title = ""
    /// What is wrong with the stream.
    private(set) var problems: [String] = []

    mutating func take(_ message: LiveClientMessage) {
        let json = message.json
        if json["circleSeq"] as? Int64 != message.id { problems.append("\(message)") }
        if message.name == "snapshot" {
            if let last, message.id < last { problems.append("back from \(last): \(message)") }
            last = message.id
            load(json)
            return
        }
        if let last, message.id != last + 1 { problems.append("after \(last): \(message)") }
        last = message.id
        apply(message.name, json)
    }

    private mutating func load(_ json: [String: Any]) {
        members = [:]
        for member in json["members"] as? [[String: Any]] ?? [] {
            members[member["uid"] as? String ?? ""] = Member(
                sessionID: member["sessionId"] as? String ?? "",
                role: member["role"] as? String ?? "",
                isMuted: member["isMuted"] as? Bool ?? false,
                isConnected: member["isConnected"] as? Bool ?? false,
                isSpeaking: member["isSpeaking"] as? Bool ?? false)
        }
        for hand in json["hands"] as? [[String: Any]] ?? [] {
            let raisedAt = time(hand["raisedAt"])
            members[hand["uid"] as? String ?? ""]?.handRaisedAt = raisedAt
        }
        title = (json["circle"] as? [String: Any])?["title"] as? String ?? ""
    }

    private func time(_ value: Any?) -> Timestamp? {
        (value as? String).flatMap { Timestamp(rfc3339: $0) }
    }

    private mutating func apply(_ name: String, _ json: [String: Any]) {
        let uid = json["uid"] as? String ?? ""
        let session = json["sessionId"] as? String ?? ""
        switch name {
        case "circleCreated", "circleUpdated":
            title = (json["circle"] as? [String: Any])?["title"] as? String ?? ""
        case "circleEnded":
            hasEnded = true
            members = [:]
        case "memberJoined":
            members[uid] = Member(sessionID: session, role: json["role"] as? String ?? "")
        case "memberLeft" where members[uid]?.sessionID == session: members[uid] = nil
        default:
            guard var member = members[uid], member.sessionID == session else { return }
            switch name {
            case "memberPromoted":
                member.role = json["role"] as? String ?? ""
                member.handRaisedAt = nil
            case "memberDemoted":
                member.role = json["role"] as? String ?? ""
                member.isMuted = false
                member.isSpeaking = false
            case "memberMuted": member.isMuted = true
            case "memberUnmuted": member.isMuted = false
            case "handRaised": member.handRaisedAt = member.handRaisedAt ?? time(json["occurredAt"])
            case "handLowered": member.handRaisedAt = nil
            case "mediaConnected": member.isConnected = true
            case "mediaDisconnected":
                member.isConnected = false
                member.isSpeaking = false
            case "speakingStarted":
                member.isConnected = true
                member.isSpeaking = true
            case "speakingStopped": member.isSpeaking = false
            default: break
            }
            members[uid] = member
        }
    }

    /// `uid|session|role|is_muted|is_connected|is_speaking|hand raised µs`, by uid, as the tables
    /// say it.
    var text: String {
        members.sorted { $0.key < $1.key }.map { uid, member in
            "\(uid)|\(member.sessionID)|\(member.role)|\(member.isMuted ? "t" : "f")"
                + "|\(member.isConnected ? "t" : "f")|\(member.isSpeaking ? "t" : "f")"
                + "|\(member.handRaisedAt.map { "\($0.microseconds)" } ?? "∅")"
        }.joined(separator: "\n")
    }
}

extension LiveStack {
    /// The same of the tables.
    func table(_ circleID: CircleID) async throws -> String {
        try await test.text(
            """
            select
                members.uid, members.session_id, role, is_muted, is_connected, is_speaking,
                (extract(epoch from hand.raised_at) * 1000000)::bigint
            from members
            left join hand_raises as hand
                on hand.circle_id = members.circle_id and hand.session_id = members.session_id
                and hand.lowered_at is null
            where members.circle_id = \(circleID)
            order by members.uid collate "C"
            """)
    }
}
