import Database
import Domain

/// The way from the audience onto the stage.
extension CircleStore {
    /// Brings a listener who raised a hand onto the stage; one who did not is asked first.
    ///
    /// - Returns: the seat: on stage, or still in the audience with an invitation.
    /// - Throws: `CommandError.speakersFull` when every place but the host's is taken.
    public func promote(
        _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireModerator()
            try transaction.requireLive()
            var seat = try transaction.targetSeat(uid)
            guard !seat.role.isOnStage else { throw CommandError.alreadyOnStage }
            try transaction.requireRoomOnStage()
            let actor = transaction.caller.uid
            // Who promotes themselves, such as a co-host who found the stage full, has agreed.
            if seat.handRaisedAt != nil || uid == actor {
                return try transaction.bringOnStage(seat, actorUID: actor)
            }
            if seat.invitation == nil {
                seat.invitation = .init(invitedAt: transaction.now, actorUID: actor)
                try transaction.update(seat)
                transaction.record(.stageInvited(seat.member, actorUID: actor))
            }
            return seat
        }
    }

    /// Follows an invitation onto the stage.
    ///
    /// - Throws: `CommandError.notInvited` without one, `.speakersFull` when others were faster.
    public func acceptInvitation(
        in circleID: CircleID, by caller: Caller
    ) async throws -> Admission {
        try await command(on: circleID, by: caller) { transaction in
            let (seat, invitation) = try transaction.invitedSeat()
            try transaction.requireRoomOnStage()
            let promoted = try transaction.bringOnStage(seat, actorUID: invitation.actorUID)
            return Admission(
                circle: transaction.circle, seat: promoted, isResumed: true,
                node: try transaction.place())
        }
    }

    /// Stays in the audience.
    ///
    /// - Throws: `CommandError.notInvited` without an invitation.
    public func declineInvitation(in circleID: CircleID, by caller: Caller) async throws {
        try await command(on: circleID, by: caller) { transaction in
            var (seat, _) = try transaction.invitedSeat()
            seat.invitation = nil
            try transaction.update(seat)
            transaction.record(.stageInviteDeclined(seat.member))
        }
    }
}

extension CircleTransaction {
    func requireRoomOnStage() throws {
        guard try occupancy().guestsOnStage < guestsOnStageMax else {
            throw CommandError.speakersFull
        }
    }

    fileprivate func invitedSeat() throws -> (Seat, Seat.Invitation) {
        try requireLive()
        let seat = try callerSeat()
        guard let invitation = seat.invitation else { throw CommandError.notInvited }
        return (seat, invitation)
    }

    /// Gives a listener a place on stage, with the events that this means.
    mutating func bringOnStage(
        _ listener: Seat, as role: Role? = nil, actorUID: String
    ) throws -> Seat {
        var seat = listener
        if seat.handRaisedAt != nil {
            seat.handRaisedAt = nil
            record(.handLowered(seat.member, .promoted))
        }
        seat.invitation = nil
        seat.role = role ?? (circle.details.coHostUIDs.contains(seat.uid) ? .coHost : .speaker)
        try update(seat)
        record(.memberPromoted(seat.member, actorUID: actorUID, seat.role))
        return seat
    }
}
