import Database
import Domain

extension CircleStore {
    /// Gives the caller a seat, or the seat back that they still hold.
    ///
    /// The host joining a scheduled circle near its start opens it.
    public func join(_ circleID: CircleID, by caller: Caller) async throws -> Admission {
        try await command(on: circleID, by: caller) { transaction in
            guard try !transaction.isCallerBanned() else { throw CommandError.banned }
            if transaction.mayOpenByJoining {
                try transaction.start()
            }
            try transaction.requireLive()
            if var seat = try transaction.seat(of: caller.uid) {
                seat.leaseExpiresAt = transaction.leaseEnd
                try transaction.update(seat)
                return Admission(
                    circle: transaction.circle, seat: seat, isResumed: true,
                    node: try transaction.place())
            }
            let seat = try transaction.admit()
            return Admission(
                circle: transaction.circle, seat: seat, isResumed: false,
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
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireLive()
            var seat = try transaction.callerSeat()
            guard seat.role == .listener else { throw CommandError.alreadyOnStage }
            if seat.handRaisedAt == nil {
                seat.handRaisedAt = transaction.now
                seat.leaseExpiresAt = transaction.leaseEnd
                try transaction.update(seat)
                transaction.record(.handRaised(seat.member))
            }
            return try transaction.handPosition(of: seat)
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

    /// Seats the caller, who holds no seat yet.
    mutating func admit() throws -> Seat {
        let details = circle.details
        let isHosting = circle.isHosted(by: caller.uid)
        if details.privacy != .public, !isHosting,
            try !connection.isInvited(caller.uid, to: circle.circleID)
        {
            throw CommandError.inviteRequired
        }
        let role = try freeRole(isHosting: isHosting)
        let seat = Seat(
            uid: caller.uid, sessionID: SessionID(now: now), role: role, isMuted: false,
            handRaisedAt: nil, joinedAt: now, leaseExpiresAt: leaseEnd)
        try insert(seat)
        record(.memberJoined(seat.member, role))
        return seat
    }

    /// The best role that the caller may have and for which there is room: a co-host who finds
    /// the stage full sits in the audience.
    private mutating func freeRole(isHosting: Bool) throws -> Role {
        if caller.uid == circle.details.hostUID { return .host }
        var occupancy = try occupancy()
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

    func isCallerBanned() throws -> Bool {
        try connection.query(
            """
            select 1::int8 from bans
            where circle_id = \(circle.circleID) and uid = \(caller.uid)
            """
        ).count > 0
    }

    func handPosition(of seat: Seat) throws -> Int {
        try connection.query(
            """
            select count(*) from seats
            where circle_id = \(circle.circleID) and hand_raised_at <= \(seat.handRaisedAt)
            """)[0].get(0)
    }
}
