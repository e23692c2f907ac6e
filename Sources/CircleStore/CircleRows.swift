import Database
import Domain

extension Circle {
    /// The columns that `init(row:)` reads, in its order.
    static let columns = """
        circles.circle_id, title, category, privacy, host_uid,
        co_host_uids, cover_url, start_at,
        duration_min, max_speakers, max_listeners, mic_policy, status, circles.created_at,
        started_at, ended_at
        """
    static let columnCount = 16

    init(row: Row) throws {
        circleID = try row.get(0)
        details = CircleDetails(
            title: try row.get(1), category: try row.get(2), privacy: try row.raw(3),
            hostUID: try row.get(4), coHostUIDs: try row.get(5, as: [String].self),
            coverURL: try row.get(6), startAt: try row.get(7), durationMinutes: try row.get(8),
            maxSpeakers: try row.get(9), maxListeners: try row.get(10), micPolicy: try row.raw(11))
        status = try row.raw(12)
        createdAt = try row.get(13)
        startedAt = try row.optional(14)
        endedAt = try row.optional(15)
    }
}

extension Seat {
    /// The columns that `init(row:)` reads, in its order.
    static let columns = """
        uid, session_id, role, is_muted, hand_raised_at, joined_at, lease_expires_at,
        device_id, invited_at, invited_by_uid
        """
    static let columnCount = 10

    /// The same columns of a relation that is joined with others.
    static func qualifiedColumns(_ relation: String) -> String {
        columns.split(whereSeparator: { $0 == "," || $0.isWhitespace })
            .map { "\(relation).\($0)" }.joined(separator: ", ")
    }

    init(row: Row) throws {
        uid = try row.get(0)
        sessionID = try row.get(1)
        role = try row.raw(2)
        isMuted = try row.get(3)
        handRaisedAt = try row.optional(4)
        joinedAt = try row.get(5)
        leaseExpiresAt = try row.get(6)
        deviceID = try row.optional(7)
        invitation = try row.optional(8, as: Timestamp.self).map {
            Invitation(invitedAt: $0, actorUID: try row.optional(9) ?? "")
        }
    }
}

extension Row {
    /// A text column with one of an enumeration's raw values; its check constraint keeps others
    /// out, so another means that the schema is newer than this program.
    func raw<Value: RawRepresentable<String>>(_ column: Int) throws -> Value {
        let text: String = try get(column)
        guard let value = Value(rawValue: text) else {
            throw DatabaseError(
                code: "CIRCD", message: "'\(text)' is no \(Value.self)", operation: "read row")
        }
        return value
    }
}

extension Connection {
    func isInvited(_ uid: String, to circleID: CircleID) throws -> Bool {
        try query(
            "select 1::int8 from invitations where circle_id = \(circleID) and uid = \(uid)"
        ).count > 0
    }

    /// A secret circle exists only for its hosts, the invited and those inside.
    func canSee(_ circle: Circle, uid: String) throws -> Bool {
        if circle.details.privacy != .secret || circle.isHosted(by: uid) { return true }
        if try isInvited(uid, to: circle.circleID) { return true }
        return try query(
            "select 1::int8 from seats where circle_id = \(circle.circleID) and uid = \(uid)"
        ).count > 0
    }
}
