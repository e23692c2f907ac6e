import Database
import Domain

extension CircleStore {
    /// Brings a listener onto the stage.
    ///
    /// - Throws: `CommandError.speakersFull` when every place but the host's is taken.
    public func promote(
        _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireModerator()
            try transaction.requireLive()
            var seat = try transaction.targetSeat(uid)
            guard !seat.role.isOnStage else { throw CommandError.alreadyOnStage }
            guard try transaction.occupancy().guestsOnStage < transaction.guestsOnStageMax else {
                throw CommandError.speakersFull
            }
            if seat.handRaisedAt != nil {
                seat.handRaisedAt = nil
                transaction.record(.handLowered(seat.member, .promoted))
            }
            seat.role =
                transaction.circle.details.coHostUIDs.contains(uid) ? .coHost : .speaker
            try transaction.update(seat)
            transaction.record(
                .memberPromoted(seat.member, actorUID: transaction.caller.uid, seat.role))
            return seat
        }
    }

    /// Takes a speaker back into the audience.
    ///
    /// - Throws: `CommandError.listenersFull` when the audience has no room.
    public func demote(
        _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            var seat = try transaction.moderatedSeat(uid)
            guard seat.role != .host else { throw CommandError.targetIsHost }
            guard seat.role.isOnStage else { throw CommandError.notOnStage }
            guard
                try transaction.occupancy().listeners < transaction.circle.details.maxListeners
            else { throw CommandError.listenersFull }
            seat.role = .listener
            seat.isMuted = false
            try transaction.update(seat)
            transaction.record(
                .memberDemoted(seat.member, actorUID: transaction.caller.uid, .listener))
            return seat
        }
    }

    /// Closes or opens a speaker's microphone; one that is so already stays so.
    public func setMuted(
        _ isMuted: Bool, _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            var seat = try transaction.moderatedSeat(uid)
            guard seat.role.isOnStage else { throw CommandError.notOnStage }
            guard seat.isMuted != isMuted else { return seat }
            seat.isMuted = isMuted
            try transaction.update(seat)
            let actor = transaction.caller.uid
            transaction.record(
                isMuted
                    ? .memberMuted(seat.member, actorUID: actor)
                    : .memberUnmuted(seat.member, actorUID: actor))
            return seat
        }
    }

    /// Removes a member and, with `bans`, keeps them out for good; a ban needs no seat.
    public func kick(
        _ uid: String, in circleID: CircleID, reason: String, bans: Bool, by caller: Caller
    ) async throws {
        try await command(on: circleID, by: caller) { transaction in
            guard uid != transaction.circle.details.hostUID else {
                try transaction.requireModerator()
                throw CommandError.targetIsHost
            }
            let seat: Seat?
            do {
                seat = try transaction.moderatedSeat(uid)
            } catch CommandError.memberNotFound where bans {
                seat = nil
            }
            let actor = transaction.caller.uid
            if let seat {
                transaction.record(.memberKicked(seat.member, actorUID: actor, reason: reason))
                try transaction.vacate(seat, .kicked)
            }
            if bans {
                try transaction.ban(uid, reason: reason)
            }
        }
    }
}

extension CircleTransaction {
    /// The seat of a member whom the caller moderates: the host answers to nobody but
    /// themselves, co-hosts only to the host.
    func moderatedSeat(_ uid: String) throws -> Seat {
        try requireModerator()
        try requireLive()
        if caller.uid != circle.details.hostUID {
            guard uid != circle.details.hostUID else { throw CommandError.targetIsHost }
            guard uid == caller.uid || !circle.details.coHostUIDs.contains(uid) else {
                throw CommandError.forbidden
            }
        }
        return try targetSeat(uid)
    }

    mutating func ban(_ uid: String, reason: String) throws {
        let isNew =
            try connection.query(
                """
                insert into bans (circle_id, uid, actor_uid, reason, banned_at)
                values (\(circle.circleID), \(uid), \(caller.uid), \(reason), \(now))
                on conflict (circle_id, uid) do nothing
                """
            ).affectedCount > 0
        guard isNew else { return }
        try connection.query(
            "delete from invitations where circle_id = \(circle.circleID) and uid = \(uid)")
        if circle.details.coHostUIDs.contains(uid) {
            var details = circle.details
            details.coHostUIDs.removeAll { $0 == uid }
            try replaceDetails(details)
        }
        record(.memberBanned(uid: uid, actorUID: caller.uid, reason: reason))
    }
}
