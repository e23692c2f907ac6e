import Database
import Domain

/// What a hosted SFU told of one participant's media.
public struct MediaReport: Sendable, Hashable {
    public enum Change: Sendable, Hashable {
        case connected
        /// - ends: why the session ends with its media; `nil` when it goes on elsewhere.
        case disconnected(ends: LeaveReason?)
    }

    /// The SFU's name for this message: the same when it is sent again.
    public var deliveryID: String
    public var session: CircleSession
    /// The SFU's name for the participant's connection: another one each time it connects.
    public var connectionID: String
    /// When that connection began.
    public var connectedAt: Timestamp
    public var change: Change

    public init(
        deliveryID: String, session: CircleSession, connectionID: String,
        connectedAt: Timestamp, change: Change
    ) {
        self.deliveryID = deliveryID
        self.session = session
        self.connectionID = connectionID
        self.connectedAt = connectedAt
        self.change = change
    }
}

/// What became of a report.
public enum MediaReportOutcome: String, Sendable {
    case recorded
    /// It had been taken before.
    case repeated
    /// It is about a connection that a later one has followed, or that is known to have ended.
    case superseded
    /// No such circle, or the session no longer has its seat.
    case unknown
}

extension CircleStore {
    /// How long a delivery's name and a session's connection are kept. A message of which nobody
    /// knows any more must be too old to be taken: see `LiveKitWebhooks`.
    public static let webhookMemorySeconds: Int64 = 7 * 86_400

    /// Takes a report, once: its delivery's name, what it changes and its events commit together.
    public func record(
        _ report: MediaReport, traceID: String = ""
    ) async throws -> MediaReportOutcome {
        let receivedAt = clock.now()
        do {
            return try await command(
                on: report.session.circleID, by: .system(traceID: traceID)
            ) { transaction in
                guard try transaction.remember(report.deliveryID, receivedAt: receivedAt) else {
                    return .repeated
                }
                guard var seat = try transaction.seat(of: report.session.sessionID),
                    seat.uid == report.session.uid
                else { return .unknown }
                let known = try transaction.mediaConnection(of: seat.sessionID)
                guard known?.mayBeFollowed(by: report) ?? true else { return .superseded }
                try transaction.write(report, at: receivedAt)
                switch report.change {
                case .connected:
                    seat.leaseExpiresAt = max(seat.leaseExpiresAt, transaction.mediaLeaseEnd)
                    try transaction.update(seat)
                    transaction.record(
                        .mediaConnected(
                            seat.member, iceMilliseconds: 0, dtlsMilliseconds: 0,
                            firstPacketMilliseconds: 0))
                case .disconnected(let reason):
                    transaction.record(.mediaDisconnected(seat.member))
                    if let reason { try transaction.vacate(seat, reason) }
                }
                return .recorded
            }
        } catch CommandError.circleNotFound {
            return .unknown
        }
    }
}

/// The latest connection of a session, as a hosted SFU told it.
private struct MediaConnection {
    let connectionID: String
    let connectedAt: Timestamp
    let isConnected: Bool

    /// Reports may come late and out of order: one of an older connection changes nothing, and
    /// one that has ended does not begin again.
    func mayBeFollowed(by report: MediaReport) -> Bool {
        if report.connectionID == connectionID {
            return isConnected && report.change != .connected
        }
        return report.connectedAt >= connectedAt
    }
}

extension CircleTransaction {
    /// A hosted SFU tells when a member's media is gone, and nothing before: until then the seat
    /// is kept for as long as a circle may last.
    fileprivate var mediaLeaseEnd: Timestamp {
        now.adding(seconds: Int64(Limits.durationMinutes.upperBound) * 60)
    }

    /// - Returns: `false` when the delivery was known already.
    fileprivate func remember(_ deliveryID: String, receivedAt: Timestamp) throws -> Bool {
        try connection.query(
            """
            insert into webhook_deliveries (delivery_id, received_at)
            values (\(deliveryID), \(receivedAt))
            on conflict (delivery_id) do nothing
            """
        ).affectedCount > 0
    }

    fileprivate func mediaConnection(of sessionID: SessionID) throws -> MediaConnection? {
        try connection.query(
            """
            select connection_id, connected_at, is_connected
            from media_connections
            where session_id = \(sessionID)
            """
        ).first.map { row in
            MediaConnection(
                connectionID: try row.get(0), connectedAt: try row.get(1),
                isConnected: try row.get(2))
        }
    }

    fileprivate func write(_ report: MediaReport, at reportedAt: Timestamp) throws {
        try connection.query(
            """
            insert into media_connections (
                session_id, connection_id, connected_at, is_connected, reported_at
            )
            values (
                \(report.session.sessionID), \(report.connectionID), \(report.connectedAt),
                \(report.change == .connected), \(reportedAt)
            )
            on conflict (session_id) do update
            set
                connection_id = excluded.connection_id, connected_at = excluded.connected_at,
                is_connected = excluded.is_connected, reported_at = excluded.reported_at
            """)
    }
}
