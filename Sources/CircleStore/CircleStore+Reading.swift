import Database
import Domain

/// A circle with those in it, for one reader.
public struct CircleView: Sendable {
    public let circle: Circle
    public let listenerCount: Int
    public let speakerCount: Int
    /// In order of joining; `nil` when the reader may not see who is inside.
    public let members: [MemberView]?

    public struct MemberView: Sendable {
        public let seat: Seat
        public let isConnected: Bool
        public let lastSpokeAt: Timestamp?
    }

    /// Raised hands, first come first; `nil` when the reader may not see who is inside.
    public var hands: [Seat]? {
        members?.map(\.seat).filter { $0.handRaisedAt != nil }
            .sorted { ($0.handRaisedAt!, $0.uid) < ($1.handRaisedAt!, $1.uid) }  // filtered above
    }
}

/// A place in the directory: after the circle with this start and id.
public struct DirectoryPosition: Sendable, Equatable {
    public let startAt: Timestamp
    public let circleID: CircleID

    public init(startAt: Timestamp, circleID: CircleID) {
        self.startAt = startAt
        self.circleID = circleID
    }
}

extension CircleStore {
    /// - Throws: `CommandError.circleNotFound` also when the caller may not know of it.
    public func circle(_ circleID: CircleID, for caller: Caller) async throws -> CircleView {
        try await pool.transaction(
            mode: "isolation level repeatable read read only", settings: caller.rowSecurity
        ) { connection in
            let rows = try connection.query(
                """
                select \(trusted: Circle.columns)
                from circles
                where circle_id = \(circleID)
                """)
            guard let row = rows.first else { throw CommandError.circleNotFound }
            let circle = try Circle(row: row)
            guard try connection.canSee(circle, uid: caller.uid) else {
                throw CommandError.circleNotFound
            }
            let members = try connection.query(
                """
                with seated as (
                    select circle_id, \(trusted: Seat.columns)
                    from seats
                    where circle_id = \(circleID)
                )
                select
                    \(trusted: Seat.qualifiedColumns("seated")),
                    coalesce(members.is_connected, false), members.last_spoke_at
                from seated
                left join members using (circle_id, uid, session_id)
                order by seated.joined_at, seated.uid
                """
            ).map { row in
                CircleView.MemberView(
                    seat: try Seat(row: row), isConnected: try row.get(Seat.columnCount),
                    lastSpokeAt: try row.optional(Seat.columnCount + 1))
            }
            let isInside =
                try circle.details.privacy == .public || circle.isHosted(by: caller.uid)
                || members.contains { $0.seat.uid == caller.uid }
                || connection.isInvited(caller.uid, to: circleID)
            return CircleView(
                circle: circle,
                listenerCount: members.count { !$0.seat.role.isOnStage },
                speakerCount: members.count { $0.seat.role.isOnStage },
                members: isInside ? members : nil)
        }
    }

    /// A page of the directory, latest start first.
    public func directory(
        status: CircleStatus?, limit: Int, after position: DirectoryPosition?, for caller: Caller
    ) async throws -> [CircleView] {
        // Conditions that are there only when they are asked for: an index gives the page in its
        // order, whatever number of circles there are.
        var conditions: SQL = """
            (
                privacy <> 'secret'
                or host_uid = \(caller.uid)
                or \(caller.uid) = any (co_host_uids)
                or exists (
                    select from invitations
                    where invitations.circle_id = circles.circle_id
                        and invitations.uid = \(caller.uid)
                )
            )
            """
        if let status { conditions = "\(conditions) and status = \(status.rawValue)" }
        if let position {
            conditions = """
                \(conditions)
                and (start_at, circle_id) < (\(position.startAt), \(position.circleID))
                """
        }
        // In the text, because a plan for any limit at all would read every circle and sort; one
        // of two, because a session keeps each text's plan.
        let fetchCount =
            1
            + (limit <= Limits.pageSizeDefault + 1
                ? Limits.pageSizeDefault : Limits.pageSize.upperBound)
        let page: SQL = """
            select
                \(trusted: Circle.columns),
                occupancy.listener_count, occupancy.speaker_count
            from (
                select *
                from circles
                where \(conditions)
                order by start_at desc, circle_id desc
                limit \(trusted: String(fetchCount))
            ) as circles
            cross join lateral (
                select
                    count(*) filter (where role = 'listener') as listener_count,
                    count(*) filter (where role <> 'listener') as speaker_count
                from seats
                where seats.circle_id = circles.circle_id
            ) as occupancy
            order by start_at desc, circles.circle_id desc
            """
        return try await pool.withConnection { connection in
            // A plan that sorts reads them all.
            let rows = try connection.read(
                page, settings: caller.rowSecurity + [("enable_sort", "off")])
            return try (0..<min(limit, rows.count)).map { index in
                let row = rows[index]
                return CircleView(
                    circle: try Circle(row: row), listenerCount: try row.get(Circle.columnCount),
                    speakerCount: try row.get(Circle.columnCount + 1), members: nil)
            }
        }
    }
}
