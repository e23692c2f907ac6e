import Database
import Domain
import EventSchema

/// One command at work: the locked circle, the caller, and the events so far.
struct CircleTransaction {
    let connection: Connection
    let caller: Caller
    let settings: CircleStore.Settings
    private(set) var circle: Circle
    /// The time of the command: never before the circle's last event, so that event times and
    /// sequence numbers rise together whatever the machine's clock does.
    let now: Timestamp
    /// The time of the clock, whatever the events say.
    private let clockTime: Timestamp
    private var lastSequence: Int64
    private var pending: [Event] = []
    private var hostPresence = HostPresence.asBefore
    /// As it was when the command began.
    let callerSeatBefore: Seat?
    /// What came with the lock, in the order asked for.
    let alongside: [Rows]

    /// What the command did to the host's presence in a live circle.
    private enum HostPresence: String {
        case asBefore
        case gone
        case back
    }

    /// Locks the circle's row.
    ///
    /// - Parameter reading: what the command needs besides; it is read under the lock, in the
    ///   same round trip.
    /// - Throws: `CommandError.circleNotFound` also when the caller may not know of the circle.
    init(
        connection: Connection, circleID: CircleID, caller: Caller, store: CircleStore,
        reading: [SQL] = []
    ) throws {
        self.connection = connection
        self.caller = caller
        settings = store.settings
        let lock: SQL = """
            select \(trusted: Circle.columns), event_seq, last_event_at
            from circles
            where circle_id = \(circleID)
            for update
            """
        let results = try connection.queries(
            [lock, Self.seatQuery(caller.uid, in: circleID)] + reading)
        guard let row = results[0].first else { throw CommandError.circleNotFound }
        circle = try Circle(row: row)
        lastSequence = try row.get(Circle.columnCount)
        let lastEventAt: Timestamp = try row.get(Circle.columnCount + 1)
        callerSeatBefore = try results[1].first.map { try Seat(row: $0) }
        alongside = Array(results.dropFirst(2))
        clockTime = store.clock.now()
        now = max(clockTime, lastEventAt.adding(microseconds: 1))
        guard
            try caller.isSystem || callerSeatBefore != nil
                || connection.canSee(circle, uid: caller.uid)
        else { throw CommandError.circleNotFound }
    }

    /// For a circle that this transaction has just inserted.
    init(
        connection: Connection, created circle: Circle, caller: Caller,
        settings: CircleStore.Settings
    ) {
        self.connection = connection
        self.caller = caller
        self.settings = settings
        self.circle = circle
        now = circle.createdAt
        clockTime = now
        lastSequence = 0
        callerSeatBefore = nil
        alongside = []
    }

    // MARK: Events

    /// Adds an event; its time is the command's, one microsecond after the one before it.
    mutating func record(_ payload: Event.Payload) {
        let occurredAt = now.adding(microseconds: Int64(pending.count))
        pending.append(
            Event(
                eventID: EventID(now: occurredAt), circleID: circle.circleID,
                position: SourcePosition(
                    source: SourcePosition.apiSource, epoch: SourcePosition.apiEpoch,
                    sequence: lastSequence + Int64(pending.count) + 1),
                occurredAt: occurredAt, payload: payload))
    }

    /// Writes the events into the outbox and moves the circle's numbering along.
    mutating func writeEvents() throws {
        guard let last = pending.last else { return }
        let numbering: SQL = """
            app_number_events(
                \(circle.circleID), \(last.position.sequence), \(last.occurredAt),
                \(hostPresence.rawValue), \(now)
            )
            """
        if pending.count == 1 {
            // Most commands have one; as arrays of one it costs the server an eighth more.
            connection.later(
                """
                insert into outbox (circle_id, source_seq, event_type, trace_id, record, created_at)
                select
                    \(circle.circleID), \(last.position.sequence), \(last.payload.typeName),
                    \(caller.traceID), \(Bytes(EventCodec.encode(last))), \(now)
                from \(numbering)
                """)
        } else {
            connection.later(
                """
                insert into outbox (circle_id, source_seq, event_type, trace_id, record, created_at)
                select
                    \(circle.circleID), source_seq, event_type, \(caller.traceID), record, \(now)
                from unnest(
                    \(pending.map(\.position.sequence)),
                    \(pending.map(\.payload.typeName)),
                    \(pending.map { Bytes(EventCodec.encode($0)) })
                ) as event (source_seq, event_type, record)
                cross join \(numbering)
                order by source_seq
                """)
        }
        try writeAudit()
        lastSequence = last.position.sequence
        pending.removeAll()
    }

    /// Keeps the acts of moderation, each beside its event.
    private func writeAudit() throws {
        let acts = pending.filter { event in
            guard let target = event.payload.uid else { return false }
            // Who follows an invitation acts by themselves: the invitation is in the trail.
            return event.payload.isModeration && event.payload.actorUID != target
                && (event.payload.actorUID ?? "") == caller.uid
        }
        guard !acts.isEmpty else { return }
        connection.later(
            """
            insert into moderation_audit (
                circle_id, actor_uid, action, target_uid, reason, acted_at, source_seq, trace_id
            )
            select
                \(circle.circleID), actor_uid, action, target_uid, reason, acted_at, source_seq,
                \(caller.traceID)
            from unnest(
                \(acts.map { $0.payload.actorUID ?? "" }),
                \(acts.map(\.payload.typeName)),
                \(acts.map { $0.payload.uid ?? "" }),
                \(acts.map { $0.payload.reason ?? "" }),
                \(acts.map(\.occurredAt)),
                \(acts.map(\.position.sequence))
            ) as act (actor_uid, action, target_uid, reason, acted_at, source_seq)
            order by source_seq
            """)
    }

    // MARK: Checks

    func requireLive() throws(CommandError) {
        switch circle.status {
        case .scheduled: throw .circleNotStarted
        case .live: return
        case .ended: throw .circleEnded
        }
    }

    func requireModerator() throws(CommandError) {
        guard circle.isHosted(by: caller.uid) else { throw .forbidden }
    }

    // MARK: Seats

    func seat(of uid: String) throws -> Seat? {
        try connection.query(Self.seatQuery(uid, in: circle.circleID)).first
            .map { try Seat(row: $0) }
    }

    private static func seatQuery(_ uid: String, in circleID: CircleID) -> SQL {
        """
        select \(trusted: Seat.columns)
        from seats
        where circle_id = \(circleID) and uid = \(uid)
        """
    }

    func seat(of sessionID: SessionID) throws -> Seat? {
        let rows = try connection.query(
            """
            select \(trusted: Seat.columns)
            from seats
            where circle_id = \(circle.circleID) and session_id = \(sessionID)
            """)
        return try rows.first.map { try Seat(row: $0) }
    }

    /// The caller's own seat, as it was when the command began.
    func callerSeat() throws(CommandError) -> Seat {
        guard let callerSeatBefore else { throw .notAMember }
        return callerSeatBefore
    }

    /// The seat of the member that a moderation command is about.
    func targetSeat(_ uid: String) throws -> Seat {
        guard let seat = try seat(of: uid) else { throw CommandError.memberNotFound }
        return seat
    }

    struct Occupancy {
        var listeners: Int
        /// Everyone on stage but the host, whose place is always kept.
        var guestsOnStage: Int

        init(row: Row) throws {
            listeners = try row.get(0)
            guestsOnStage = try row.get(1)
        }
    }

    func occupancy() throws -> Occupancy {
        try Occupancy(row: try connection.query(Self.occupancyQuery(circle.circleID))[0])
    }

    private static func occupancyQuery(_ circleID: CircleID) -> SQL {
        """
        select
            count(*) filter (where role = 'listener'),
            count(*) filter (where role in ('speaker', 'coHost'))
        from seats
        where circle_id = \(circleID)
        """
    }

    func isBanned(_ uid: String) throws -> Bool {
        try connection.query(Self.banQuery(uid, in: circle.circleID)).count > 0
    }

    private static func banQuery(_ uid: String, in circleID: CircleID) -> SQL {
        """
        select 1::int8 from bans
        where circle_id = \(circleID) and uid = \(uid)
        """
    }

    /// What decides how the caller comes in.
    struct Door {
        let isBanned: Bool
        let seat: Seat?
        let occupancy: Occupancy
        /// What `SFUNode.query` found.
        let nodes: Rows

        /// To be read along with the lock.
        static func reading(_ circleID: CircleID, _ caller: Caller, now: Timestamp) -> [SQL] {
            [
                banQuery(caller.uid, in: circleID), occupancyQuery(circleID),
                SFUNode.query(for: circleID, now: now),
            ]
        }
    }

    /// - Precondition: `Door.reading` came first with the lock.
    func door() throws -> Door {
        Door(
            isBanned: alongside[0].count > 0, seat: callerSeatBefore,
            occupancy: try Occupancy(row: alongside[1][0]), nodes: alongside[2])
    }

    var guestsOnStageMax: Int { circle.details.maxSpeakers - 1 }

    mutating func insert(_ seat: Seat) throws {
        if seat.role == .host { hostPresence = .back }
        connection.later(
            """
            insert into seats (
                circle_id, uid, session_id, role, is_muted, hand_raised_at, joined_at,
                lease_expires_at, device_id, is_secret
            )
            values (
                \(circle.circleID), \(seat.uid), \(seat.sessionID), \(seat.role.rawValue),
                \(seat.isMuted), \(seat.handRaisedAt), \(seat.joinedAt), \(seat.leaseExpiresAt),
                \(seat.deviceID), \(circle.details.privacy == .secret)
            )
            """)
    }

    mutating func update(_ seat: Seat) throws {
        if seat.role == .host { hostPresence = .back }
        connection.later(
            """
            update seats
            set
                role = \(seat.role.rawValue), is_muted = \(seat.isMuted),
                hand_raised_at = \(seat.handRaisedAt), lease_expires_at = \(seat.leaseExpiresAt),
                device_id = \(seat.deviceID), invited_at = \(seat.invitation?.invitedAt),
                invited_by_uid = \(seat.invitation?.actorUID)
            where circle_id = \(circle.circleID) and uid = \(seat.uid)
            """)
    }

    /// Takes the seat away, with the events that this means.
    mutating func vacate(_ seat: Seat, _ reason: LeaveReason) throws {
        connection.later(
            "delete from seats where circle_id = \(circle.circleID) and uid = \(seat.uid)")
        recordDeparture(of: seat, reason)
    }

    private mutating func recordDeparture(of seat: Seat, _ reason: LeaveReason) {
        if seat.role == .host { hostPresence = .gone }
        if seat.handRaisedAt != nil {
            record(.handLowered(seat.member, .left))
        }
        record(.memberLeft(seat.member, reason))
    }

    /// Vacates every seat, or only those whose lease has run out.
    mutating func vacateAll(_ reason: LeaveReason, leaseExpiredBefore limit: Timestamp? = nil)
        throws
    {
        let rows = try connection.query(
            """
            delete from seats
            where circle_id = \(circle.circleID)
                and (\(limit)::timestamptz is null or lease_expires_at < \(limit))
            returning \(trusted: Seat.columns)
            """)
        let seats = try rows.map { try Seat(row: $0) }
        for seat in seats.sorted(by: { ($0.joinedAt, $0.uid) < ($1.joinedAt, $1.uid) }) {
            recordDeparture(of: seat, reason)
        }
    }

    /// The node where the circle's media is.
    func place() throws -> SFUNode? {
        try connection.place(circle.circleID, now: clockTime)
    }

    func place(at door: Door) throws -> SFUNode? {
        try connection.place(circle.circleID, among: door.nodes, now: clockTime)
    }

    /// Runs a part of the command past the row policies, after its own checks.
    mutating func asSystem(_ body: (inout CircleTransaction) throws -> Void) throws {
        let callers = caller.rowSecurity
        for setting in Caller.system(traceID: caller.traceID).rowSecurity {
            connection.later("select set_config(\(setting.name), \(setting.value), true)")
        }
        try body(&self)
        for setting in callers {
            connection.later("select set_config(\(setting.name), \(setting.value), true)")
        }
    }

    // MARK: The circle's own row

    mutating func start() throws {
        circle.status = .live
        circle.startedAt = now
        circle.version += 1
        connection.later(
            """
            update circles
            set status = 'live', started_at = \(now), version = version + 1
            where circle_id = \(circle.circleID)
            """)
        record(.circleStarted(actorUID: caller.uid))
    }

    mutating func end(_ reason: EndReason) throws {
        try vacateAll(.circleEnded)
        circle.status = .ended
        circle.endedAt = now
        circle.version += 1
        connection.later(
            """
            update circles
            set status = 'ended', ended_at = \(now), version = version + 1
            where circle_id = \(circle.circleID)
            """)
        record(.circleEnded(actorUID: caller.uid, reason))
    }

    mutating func replaceDetails(_ details: CircleDetails) throws {
        circle.details = details
        circle.version += 1
        connection.later(
            """
            update circles
            set
                title = \(details.title), category = \(details.category),
                host_uid = \(details.hostUID),
                privacy = \(details.privacy.rawValue), co_host_uids = \(details.coHostUIDs),
                cover_url = \(details.coverURL), start_at = \(details.startAt),
                duration_min = \(Int32(details.durationMinutes)),
                max_speakers = \(Int32(details.maxSpeakers)),
                max_listeners = \(Int32(details.maxListeners)),
                mic_policy = \(details.micPolicy.rawValue),
                version = version + 1
            where circle_id = \(circle.circleID)
            """)
        record(.circleUpdated(details, actorUID: caller.uid))
    }

    /// For a change that the circle's row does not show.
    mutating func raiseVersion() throws {
        circle.version += 1
        connection.later(
            "update circles set version = version + 1 where circle_id = \(circle.circleID)")
    }

    func replaceInvitations(_ uids: [String]) throws {
        connection.later("delete from invitations where circle_id = \(circle.circleID)")
        connection.later(
            """
            insert into invitations (circle_id, uid)
            select distinct \(circle.circleID), uid
            from unnest(\(uids)) as invited (uid)
            """)
    }
}
