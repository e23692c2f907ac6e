import Database
import Domain

/// Who runs a circle.
extension CircleStore {
    /// Lets a user moderate; one who speaks gets a co-host's seat at once.
    ///
    /// - Throws: `CommandError.coHostsFull` past `Limits.coHostCountMax`, `.targetIsHost`,
    ///   `.targetBanned`.
    public func addCoHost(
        _ uid: String, to circleID: CircleID, by caller: Caller
    ) async throws -> Circle {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireHost()
            var details = transaction.circle.details
            guard uid != details.hostUID else { throw CommandError.targetIsHost }
            guard !details.coHostUIDs.contains(uid) else { return transaction.circle }
            guard details.coHostUIDs.count < Limits.coHostCountMax else {
                throw CommandError.coHostsFull
            }
            guard try !transaction.isBanned(uid) else { throw CommandError.targetBanned }
            details.coHostUIDs.append(uid)
            try transaction.replaceDetails(details)
            if let seat = try transaction.seat(of: uid), seat.role == .speaker {
                try transaction.change(seat, to: .coHost)
            }
            return transaction.circle
        }
    }

    /// Takes the right to moderate away, or gives up one's own; a seat on stage is kept.
    public func removeCoHost(
        _ uid: String, from circleID: CircleID, by caller: Caller
    ) async throws -> Circle {
        try await command(on: circleID, by: caller) { transaction in
            if uid != transaction.caller.uid { try transaction.requireHost() }
            guard transaction.circle.status != .ended else { throw CommandError.circleEnded }
            var details = transaction.circle.details
            guard details.coHostUIDs.contains(uid) else {
                try transaction.requireModerator()
                return transaction.circle
            }
            details.coHostUIDs.removeAll { $0 == uid }
            // Who resigns may lose sight of the circle by it, which no row of theirs may do.
            try transaction.asSystem { try $0.replaceDetails(details) }
            if let seat = try transaction.seat(of: uid), seat.role == .coHost {
                try transaction.change(seat, to: .speaker)
            }
            return transaction.circle
        }
    }

    /// Hands over or ends live circles whose host has been gone longer than the grace. Several
    /// processes may look: each circle is settled under its own lock.
    ///
    /// - Returns: how many circles were settled.
    public func settleHostless(limit: Int = 100) async throws -> Int {
        let goneSince = clock.now().adding(seconds: -settings.hostGraceSeconds)
        let circleIDs = try await pool.transaction(
            settings: Caller.system(traceID: "").rowSecurity
        ) { connection in
            try connection.query(
                """
                select circle_id
                from circles
                where status = 'live' and host_absent_since <= \(goneSince)
                order by host_absent_since
                limit \(limit)
                """
            ).map { try $0.get(0, as: CircleID.self) }
        }
        var count = 0
        for circleID in circleIDs {
            let isSettled = try await command(on: circleID, by: .system(traceID: "")) {
                transaction in
                // The host may have come back since the query.
                guard try transaction.isHostless(since: goneSince) else { return false }
                if let heir = try transaction.earliestCoHost() {
                    try transaction.handOver(to: heir)
                } else {
                    try transaction.end(.hostLost)
                }
                return true
            }
            if isSettled { count += 1 }
        }
        return count
    }
}

extension CircleTransaction {
    fileprivate func requireHost() throws(CommandError) {
        guard caller.uid == circle.details.hostUID else { throw .forbidden }
        guard circle.status != .ended else { throw .circleEnded }
    }

    fileprivate mutating func change(_ seat: Seat, to role: Role) throws {
        var seat = seat
        seat.role = role
        try update(seat)
        record(.memberRoleChanged(seat.member, actorUID: caller.uid, role))
    }

    fileprivate func isHostless(since limit: Timestamp) throws -> Bool {
        try connection.query(
            """
            select 1::int8
            from circles
            where circle_id = \(circle.circleID) and status = 'live'
                and host_absent_since <= \(limit)
            """
        ).count > 0
    }

    /// The co-host who has been inside longest.
    fileprivate func earliestCoHost() throws -> Seat? {
        try connection.query(
            """
            select \(trusted: Seat.columns)
            from seats
            where circle_id = \(circle.circleID) and uid = any (\(circle.details.coHostUIDs))
            order by joined_at, uid
            limit 1
            """
        ).map { try Seat(row: $0) }.first
    }

    /// Makes a co-host the host. Who was host until now may come back as co-host.
    fileprivate mutating func handOver(to heir: Seat) throws {
        var details = circle.details
        details.coHostUIDs.removeAll { $0 == heir.uid }
        details.coHostUIDs.append(details.hostUID)
        details.hostUID = heir.uid
        try replaceDetails(details)
        if heir.role.isOnStage {
            try change(heir, to: .host)
        } else {
            _ = try bringOnStage(heir, as: .host, actorUID: "")
        }
    }
}
