import Database
import Domain
import EventSchema

/// A circle as Ingest has folded it, with the number of the last event in it: who adds the events
/// after it has the circle at any later time.
public struct CircleSnapshot: Sendable {
    public let circle: Circle
    /// 0 while Ingest has stored none of the circle's events.
    public let circleSequence: Int64
    /// In order of joining.
    public let members: [Member]
    /// Raised hands, first come first.
    public let hands: [Hand]

    public struct Member: Sendable, Hashable {
        public let uid: String
        public let sessionID: SessionID
        public let role: Role
        public let isMuted: Bool
        public let isConnected: Bool
        public let isSpeaking: Bool
        public let joinedAt: Timestamp
    }

    public struct Hand: Sendable, Hashable {
        public let uid: String
        public let raisedAt: Timestamp
    }
}

/// An event with its place in the circle's history, as its source encoded it.
public struct StoredEvent: Sendable {
    public let circleSequence: Int64
    public let record: [UInt8]
}

/// Where someone begins to follow a circle.
public struct FollowStart: Sendable {
    public enum Content: Sendable {
        case snapshot(CircleSnapshot)
        /// All events after the one that the reader had, without a gap.
        case events([StoredEvent])
    }

    public let content: Content
    /// The number of the last event that `content` covers.
    public let circleSequence: Int64
    /// Whether nothing more will come: the circle has ended, or the reader's session has left.
    public let isOver: Bool
}

extension CircleStore {
    /// How many events one reader is given to catch up; who has missed more gets a snapshot.
    public static let catchUpCountMax: Int64 = 2_000

    /// What a reader of a circle's live stream begins with, in one look at the database.
    ///
    /// - Parameters:
    ///   - last: the number of the last event that the reader had, if any.
    ///   - sessionID: of the reader's own stay, when the stream ends with it.
    /// - Throws: `CommandError`: `circleNotFound` as for reading the circle, `banned`, and
    ///   `forbidden` for who may not see the members of a private circle.
    public func follow(
        _ circleID: CircleID, after last: Int64?, sessionID: SessionID?, for caller: Caller
    ) async throws -> FollowStart {
        try await pool.transaction(
            mode: "isolation level repeatable read read only", settings: caller.rowSecurity
        ) { connection in
            let circle = try connection.followedCircle(circleID, uid: caller.uid)
            let sequence = try connection.lastCircleSequence(circleID)
            let isOver = try connection.isOver(circleID, sessionID: sessionID)
            if let first = CatchUp.first(after: last, of: sequence, countMax: Self.catchUpCountMax),
                let events = try connection.storedEvents(circleID, first...(sequence + 1))
            {
                return FollowStart(
                    content: .events(events), circleSequence: sequence, isOver: isOver)
            }
            let snapshot = CircleSnapshot(
                circle: circle, circleSequence: sequence,
                members: try connection.ingestedMembers(circleID),
                hands: try connection.ingestedHands(circleID))
            return FollowStart(
                content: .snapshot(snapshot), circleSequence: sequence, isOver: isOver)
        }
    }

    /// Whether someone who follows a circle may go on.
    ///
    /// - Parameter wasKicked: they were shown the door; in circles that are not for everyone
    ///   that ends it.
    public func mayFollow(
        _ circleID: CircleID, uid: String, wasKicked: Bool
    ) async throws -> Bool {
        try await pool.transaction(settings: Caller(uid: uid).rowSecurity) { connection in
            do {
                let circle = try connection.followedCircle(circleID, uid: uid)
                return !wasKicked || circle.details.privacy == .public
            } catch is CommandError {
                return false
            }
        }
    }
}

/// Whether a reader who comes back is given what they missed.
public enum CatchUp {
    /// - Parameters:
    ///   - last: the number of the last event that the reader had; `nil` for a new reader.
    ///   - end: the number of the last event that there is.
    /// - Returns: the first number that they lack, `end + 1` when they lack none; `nil` when they
    ///   need a snapshot: they are new, have missed too much, or know numbers that do not exist.
    public static func first(after last: Int64?, of end: Int64, countMax: Int64) -> Int64? {
        guard let last, last >= 0, last <= end, end - last <= countMax else { return nil }
        return last + 1
    }
}

extension Connection {
    /// The circle, for someone who may see who is in it.
    fileprivate func followedCircle(_ circleID: CircleID, uid: String) throws -> Circle {
        let rows = try query(
            "select \(trusted: Circle.columns) from circles where circle_id = \(circleID)")
        guard let row = rows.first else { throw CommandError.circleNotFound }
        let circle = try Circle(row: row)
        guard try canSee(circle, uid: uid) else { throw CommandError.circleNotFound }
        let isBanned =
            try query(
                "select 1::int8 from bans where circle_id = \(circleID) and uid = \(uid)"
            ).count > 0
        guard !isBanned else { throw CommandError.banned }
        if circle.details.privacy == .public || circle.isHosted(by: uid) { return circle }
        let isInside =
            try query("select 1::int8 from seats where circle_id = \(circleID) and uid = \(uid)")
            .count > 0
        guard try isInside || isInvited(uid, to: circleID) else { throw CommandError.forbidden }
        return circle
    }

    fileprivate func lastCircleSequence(_ circleID: CircleID) throws -> Int64 {
        try query(
            """
            select circle_seq
            from events
            where circle_id = \(circleID)
                and occurred_at >= \(EventCodec.historyBegin([circleID]))
            order by circle_seq desc
            limit 1
            """
        ).first?.get(0) ?? 0
    }

    /// Events with these numbers; the last one of `range` is where they end, and not among them.
    ///
    /// - Returns: `nil` when history has not all of them any more.
    fileprivate func storedEvents(
        _ circleID: CircleID, _ range: ClosedRange<Int64>
    ) throws -> [StoredEvent]? {
        guard range.count > 1 else { return [] }
        let events = try query(
            """
            select circle_seq, record
            from events
            where circle_id = \(circleID)
                and circle_seq >= \(range.lowerBound) and circle_seq < \(range.upperBound)
                and occurred_at >= \(EventCodec.historyBegin([circleID]))
            order by circle_seq
            """
        ).map {
            StoredEvent(circleSequence: try $0.get(0), record: try $0.get(1, as: Bytes.self).array)
        }
        return events.map(\.circleSequence).elementsEqual(range.dropLast()) ? events : nil
    }

    /// Whether the circle's end, or the session's leave, is among the stored events.
    fileprivate func isOver(_ circleID: CircleID, sessionID: SessionID?) throws -> Bool {
        try query(
            """
            select
                exists (
                    select from circle_sessions
                    where circle_id = \(circleID) and ended_at is not null
                )
                or exists (
                    select from attendances
                    where circle_id = \(circleID) and session_id = \(sessionID)
                        and left_at is not null
                )
            """)[0].get(0)
    }

    fileprivate func ingestedMembers(_ circleID: CircleID) throws -> [CircleSnapshot.Member] {
        try query(
            """
            select
                uid, session_id, role, is_muted, is_connected, is_speaking, joined_at
            from members
            where circle_id = \(circleID)
            order by joined_at, uid
            """
        ).map { row in
            CircleSnapshot.Member(
                uid: try row.get(0), sessionID: try row.get(1), role: try row.raw(2),
                isMuted: try row.get(3), isConnected: try row.get(4),
                isSpeaking: try row.get(5), joinedAt: try row.get(6))
        }
    }

    fileprivate func ingestedHands(_ circleID: CircleID) throws -> [CircleSnapshot.Hand] {
        try query(
            """
            select uid, raised_at
            from hand_raises
            where circle_id = \(circleID) and lowered_at is null
            order by raised_at, uid
            """
        ).map { CircleSnapshot.Hand(uid: try $0.get(0), raisedAt: try $0.get(1)) }
    }
}
