import Database
import Domain

/// A circle as its media node needs it, at one moment.
public struct CircleMediaState: Sendable, Hashable {
    public let circleID: CircleID
    public let status: CircleStatus
    public let micPolicy: MicPolicy
    /// Number of the last event that the state contains.
    public let eventSequence: Int64
    /// In order of joining.
    public let seats: [Seat]
}

/// How far a circle has come.
public struct CircleVersion: Sendable, Hashable {
    /// Number of its last event.
    public let eventSequence: Int64
    public let status: CircleStatus

    public init(eventSequence: Int64, status: CircleStatus) {
        self.eventSequence = eventSequence
        self.status = status
    }
}

/// A member session and where it is.
public struct CircleSession: Sendable, Hashable {
    public let circleID: CircleID
    public let uid: String
    public let sessionID: SessionID

    public init(circleID: CircleID, uid: String, sessionID: SessionID) {
        self.circleID = circleID
        self.uid = uid
        self.sessionID = sessionID
    }
}

/// What a media node asks and tells.
extension CircleStore {
    /// - Returns: `nil` when there is no such circle.
    public func mediaState(_ circleID: CircleID) async throws -> CircleMediaState? {
        try await pool.transaction(
            mode: "isolation level repeatable read read only",
            settings: Caller.system(traceID: "").rowSecurity
        ) { connection in
            let rows = try connection.query(
                """
                select status, mic_policy, event_seq
                from circles
                where circle_id = \(circleID)
                """)
            guard let row = rows.first else { return nil }
            let seats = try connection.query(
                """
                select \(trusted: Seat.columns)
                from seats
                where circle_id = \(circleID)
                order by joined_at, uid
                """
            ).map { try Seat(row: $0) }
            return CircleMediaState(
                circleID: circleID, status: try row.raw(0), micPolicy: try row.raw(1),
                eventSequence: try row.get(2), seats: seats)
        }
    }

    /// Ends a session whose media is gone. Asking again is harmless, and a newer session of the
    /// same member is never touched.
    ///
    /// - Returns: whether the session still held its seat.
    public func endSession(
        _ sessionID: SessionID, in circleID: CircleID, reason: LeaveReason, traceID: String = ""
    ) async throws -> Bool {
        do {
            return try await command(on: circleID, by: .system(traceID: traceID)) { transaction in
                guard let seat = try transaction.seat(of: sessionID) else { return false }
                try transaction.vacate(seat, reason)
                return true
            }
        } catch CommandError.circleNotFound {
            return false
        }
    }

    /// Keeps the seats of sessions whose media flows. One that a command is changing right now
    /// is left for the next time.
    public func renewLeases(_ sessionIDs: [SessionID]) async throws {
        guard !sessionIDs.isEmpty else { return }
        let leaseEnd = clock.now().adding(seconds: settings.seatLeaseSeconds)
        try await pool.transaction(settings: Caller.system(traceID: "").rowSecurity) { connection in
            // Skipping what is locked, this waits for nobody: commands lock their circle first and
            // seats after it, and a batch over many circles would lock crosswise.
            _ = try connection.query(
                """
                update seats
                set lease_expires_at = \(leaseEnd)
                from (
                    select circle_id, uid
                    from seats
                    where session_id = any (\(sessionIDs)) and lease_expires_at < \(leaseEnd)
                    for update skip locked
                ) as renewed
                where seats.circle_id = renewed.circle_id and seats.uid = renewed.uid
                """)
        }
    }

    /// The live circles that have been placed on a node.
    public func circlesPlaced(onNode nodeID: String) async throws -> [CircleID] {
        try await pool.transaction(settings: Caller.system(traceID: "").rowSecurity) { connection in
            try connection.query(
                """
                select circle_id
                from circle_placements
                join circles using (circle_id)
                where node_id = \(nodeID) and status = 'live'
                order by circle_id
                """
            ).map { try $0.get(0) }
        }
    }

    /// Seated members of a node's live circles who have had media, as far as Ingest has stored it:
    /// one of them without media now has lost it.
    public func sessionsWithMedia(onNode nodeID: String) async throws -> [CircleSession] {
        try await pool.transaction(settings: Caller.system(traceID: "").rowSecurity) { connection in
            try connection.query(
                """
                select seats.circle_id, seats.uid, seats.session_id
                from circle_placements
                join circles using (circle_id)
                join seats using (circle_id)
                join attendances using (circle_id, session_id)
                where circle_placements.node_id = \(nodeID)
                    and circles.status = 'live'
                    and attendances.ice_ms is not null
                    and attendances.left_at is null
                order by seats.circle_id, seats.uid
                """
            ).map { row in
                CircleSession(
                    circleID: try row.get(0), uid: try row.get(1), sessionID: try row.get(2))
            }
        }
    }

    /// How far circles have come; those that do not exist are left out.
    public func circleVersions(
        _ circleIDs: [CircleID]
    ) async throws -> [CircleID: CircleVersion] {
        guard !circleIDs.isEmpty else { return [:] }
        return try await pool.transaction(settings: Caller.system(traceID: "").rowSecurity) {
            connection in
            var versions: [CircleID: CircleVersion] = [:]
            for row in try connection.query(
                """
                select circle_id, event_seq, status
                from circles
                where circle_id = any (\(circleIDs))
                """
            ).map({ $0 }) {
                versions[try row.get(0)] = CircleVersion(
                    eventSequence: try row.get(1), status: try row.raw(2))
            }
            return versions
        }
    }
}
