import Database
import Domain

extension CircleStore {
    /// Gives the caller a seat, or the seat back that they still hold.
    ///
    /// The host joining a scheduled circle near its start opens it.
    ///
    /// - Parameter deviceID: another one than the seat was taken with takes it over: the newest
    ///   wins, with the same role, and the session of the old one ends.
    public func join(
        _ circleID: CircleID, deviceID: String? = nil, by caller: Caller
    ) async throws -> Admission {
        let reading = CircleTransaction.Door.reading(circleID, caller, now: clock.now())
        return try await command(on: circleID, by: caller, reading: reading) { transaction in
            let door = try transaction.door()
            guard !door.isBanned else { throw CommandError.banned }
            if transaction.mayOpenByJoining {
                try transaction.start()
            }
            try transaction.requireLive()
            let node = try transaction.place(at: door)
            if var seat = door.seat {
                if let deviceID, let former = seat.deviceID, former != deviceID {
                    return Admission(
                        circle: transaction.circle,
                        seat: try transaction.replace(seat, deviceID: deviceID),
                        isResumed: false, node: node)
                }
                seat.leaseExpiresAt = transaction.leaseEnd
                seat.deviceID = deviceID ?? seat.deviceID
                try transaction.update(seat)
                return Admission(
                    circle: transaction.circle, seat: seat, isResumed: true, node: node)
            }
            let seat = try transaction.admit(door.occupancy, deviceID: deviceID)
            return Admission(
                circle: transaction.circle, seat: seat, isResumed: false, node: node)
        }
    }

    /// The caller's seat again, for a fresh media token.
    ///
    /// - Throws: `CommandError.notAMember` without one.
    public func renew(_ circleID: CircleID, by caller: Caller) async throws -> Admission {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireLive()
            var seat = try transaction.callerSeat()
            seat.leaseExpiresAt = transaction.leaseEnd
            try transaction.update(seat)
            return Admission(
                circle: transaction.circle, seat: seat, isResumed: true,
                node: try transaction.place())
        }
    }

    /// Gives the caller's seat up.
    public func leave(_ circleID: CircleID, by caller: Caller) async throws {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.vacate(try transaction.callerSeat(), .left)
        }
    }

    /// Puts the caller's hand up; again, it keeps its place.
    ///
    /// - Returns: the place in the queue, from 1.
    public func raiseHand(_ circleID: CircleID, by caller: Caller) async throws -> Int {
        // The raised hands up to the caller's; all of them when it is not up.
        let queue: SQL = """
            select count(*)
            from seats
            where circle_id = \(circleID) and hand_raised_at <= coalesce(
                (
                    select hand_raised_at
                    from seats
                    where circle_id = \(circleID) and uid = \(caller.uid)
                ),
                'infinity'
            )
            """
        return try await command(on: circleID, by: caller, reading: [queue]) { transaction in
            try transaction.requireLive()
            var seat = try transaction.callerSeat()
            guard seat.role == .listener else { throw CommandError.alreadyOnStage }
            let count: Int = try transaction.alongside[0][0].get(0)
            guard seat.handRaisedAt == nil else { return count }
            // After every other: a command's time is later than all that happened before it.
            seat.handRaisedAt = transaction.now
            seat.leaseExpiresAt = transaction.leaseEnd
            try transaction.update(seat)
            transaction.record(.handRaised(seat.member))
            return count + 1
        }
    }

    /// Takes the caller's hand down; one that is down stays down.
    public func lowerHand(_ circleID: CircleID, by caller: Caller) async throws {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireLive()
            var seat = try transaction.callerSeat()
            guard seat.handRaisedAt != nil else { return }
            seat.handRaisedAt = nil
            seat.leaseExpiresAt = transaction.leaseEnd
            try transaction.update(seat)
            transaction.record(.handLowered(seat.member, .withdrawn))
        }
    }
}

extension CircleTransaction {
    var leaseEnd: Timestamp { now.adding(seconds: settings.seatLeaseSeconds) }

    /// Whether the circle is open to the caller.
    func mayEnter() throws -> Bool {
        if circle.details.privacy == .public || circle.isHosted(by: caller.uid) { return true }
        return try connection.isInvited(caller.uid, to: circle.circleID)
    }

    /// Seats the caller, who holds no seat yet.
    mutating func admit(_ occupancy: Occupancy, deviceID: String? = nil) throws -> Seat {
        guard try mayEnter() else { throw CommandError.inviteRequired }
        let role = try freeRole(isHosting: circle.isHosted(by: caller.uid), occupancy)
        let seat = Seat(
            uid: caller.uid, sessionID: SessionID(now: now), role: role, isMuted: false,
            handRaisedAt: nil, joinedAt: now, leaseExpiresAt: leaseEnd,
            deviceID: deviceID)
        try insert(seat)
        record(.memberJoined(seat.member, role))
        return seat
    }

    /// Ends a member's session for another device of theirs, which gets the role and the mute.
    mutating func replace(_ old: Seat, deviceID: String) throws -> Seat {
        try vacate(old, .replaced)
        // After the old one's last event: sessions of one member do not overlap.
        let seat = Seat(
            uid: old.uid, sessionID: SessionID(now: now), role: old.role, isMuted: old.isMuted,
            handRaisedAt: nil, joinedAt: now, leaseExpiresAt: leaseEnd, deviceID: deviceID)
        try insert(seat)
        record(.memberJoined(seat.member, seat.role))
        if seat.isMuted { record(.memberMuted(seat.member, actorUID: seat.uid)) }
        return seat
    }

    /// The best role that the caller may have and for which there is room: a co-host who finds
    /// the stage full sits in the audience.
    private mutating func freeRole(
        isHosting: Bool, _ occupancy: Occupancy
    ) throws -> Role {
        if caller.uid == circle.details.hostUID { return .host }
        var occupancy = occupancy
        let isFull =
            occupancy.listeners >= circle.details.maxListeners
            || isHosting && occupancy.guestsOnStage >= guestsOnStageMax
        if isFull {
            // Those who are gone without a word make room.
            try vacateAll(.leaseExpired, leaseExpiredBefore: now)
            occupancy = try self.occupancy()
        }
        if isHosting, occupancy.guestsOnStage < guestsOnStageMax { return .coHost }
        guard occupancy.listeners < circle.details.maxListeners else {
            throw CommandError.listenersFull
        }
        return .listener
    }

    var mayOpenByJoining: Bool {
        circle.status == .scheduled && circle.isHosted(by: caller.uid)
            && now >= circle.details.startAt.adding(seconds: -Limits.earlyStartSeconds)
    }
}
