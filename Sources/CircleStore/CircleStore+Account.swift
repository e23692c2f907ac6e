import Database
import Domain

/// A device that gets a user's pushes.
public struct PushDevice: Sendable, Hashable {
    public enum Platform: String, Sendable, CaseIterable {
        case ios
        case android
        case web
    }

    public var deviceID: String
    public var platform: Platform
    /// The registration token of Firebase Cloud Messaging.
    public var pushToken: String

    public init(deviceID: String, platform: Platform, pushToken: String) {
        self.deviceID = deviceID
        self.platform = platform
        self.pushToken = pushToken
    }
}

/// One of a user's attendances, as Ingest has stored it.
public struct PastAttendance: Sendable, Hashable {
    public let circleID: CircleID
    public let title: String
    public let hostUID: String
    public let sessionID: SessionID
    public let joinedAt: Timestamp
    public let leftAt: Timestamp?
    public let leaveReason: String?
    public let firstRole: Role
    public let lastRole: Role
    public let talkMicroseconds: Int64
    public let handRaiseCount: Int
}

/// A place in a user's history: after the attendance with this begin and session.
public struct HistoryPosition: Sendable, Equatable {
    public let joinedAt: Timestamp
    public let sessionID: SessionID

    public init(joinedAt: Timestamp, sessionID: SessionID) {
        self.joinedAt = joinedAt
        self.sessionID = sessionID
    }
}

/// What concerns a user and no circle.
extension CircleStore {
    /// Sends the caller's pushes to a device too. A token that another user or device had is
    /// theirs no more: the installation has been signed in anew.
    public func registerDevice(_ device: PushDevice, by caller: Caller) async throws {
        let now = clock.now()
        try await pool.transaction(settings: caller.rowSecurity) { connection in
            // Two who register one token queue here.
            try connection.query(
                "select pg_advisory_xact_lock(hashtextextended(\(device.pushToken), 2))")
            try connection.query(
                "select app_take_push_token(\(device.pushToken), \(device.deviceID))")
            try connection.query(
                """
                insert into push_tokens (uid, device_id, platform, push_token, updated_at)
                values (
                    \(caller.uid), \(device.deviceID), \(device.platform.rawValue),
                    \(device.pushToken), \(now)
                )
                on conflict (uid, device_id) do update
                set
                    platform = excluded.platform, push_token = excluded.push_token,
                    updated_at = excluded.updated_at
                """)
            try connection.query(
                """
                delete from push_tokens
                where uid = \(caller.uid) and device_id in (
                    select device_id
                    from push_tokens
                    where uid = \(caller.uid)
                    order by updated_at desc, device_id
                    offset \(Limits.devicesPerUser)
                )
                """)
        }
    }

    /// Sends no more pushes to a device; one that is not known is left out already.
    public func removeDevice(_ deviceID: String, by caller: Caller) async throws {
        try await pool.transaction(settings: caller.rowSecurity) { connection in
            _ = try connection.query(
                "delete from push_tokens where uid = \(caller.uid) and device_id = \(deviceID)")
        }
    }

    /// A page of the caller's own attendances, latest first.
    public func history(
        limit: Int, after position: HistoryPosition?, of caller: Caller
    ) async throws -> [PastAttendance] {
        try await pool.withConnection { connection in
            try connection.query(
                """
                select
                    attendances.circle_id, circle_sessions.title, circle_sessions.host_uid,
                    attendances.session_id, attendances.joined_at, attendances.left_at,
                    attendances.leave_reason, attendances.first_role, attendances.last_role,
                    attendances.talk_us, attendances.hand_raise_count
                from attendances
                join circle_sessions using (circle_id)
                where attendances.uid = \(caller.uid)
                    and (
                        \(position?.joinedAt)::timestamptz is null
                        or (attendances.joined_at, attendances.session_id)
                            < (\(position?.joinedAt), \(position?.sessionID))
                    )
                order by attendances.joined_at desc, attendances.session_id desc
                limit \(limit)
                """
            ).map { row in
                PastAttendance(
                    circleID: try row.get(0), title: try row.get(1), hostUID: try row.get(2),
                    sessionID: try row.get(3), joinedAt: try row.get(4),
                    leftAt: try row.optional(5), leaveReason: try row.optional(6),
                    firstRole: try row.raw(7), lastRole: try row.raw(8),
                    talkMicroseconds: try row.get(9), handRaiseCount: try row.get(10))
            }
        }
    }
}
