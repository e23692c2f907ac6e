import Database
import Domain

extension CircleStore {
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
            seat.invitation = nil
            try transaction.update(seat)
            transaction.record(
                .memberDemoted(seat.member, actorUID: transaction.caller.uid, .listener))
            return seat
        }
    }

    /// Closes a speaker's microphone, or one's own; one that is closed stays so.
    public func mute(
        _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            var seat = try transaction.speakingSeat(uid)
            guard !seat.isMuted else { return seat }
            seat.isMuted = true
            try transaction.update(seat)
            transaction.record(.memberMuted(seat.member, actorUID: transaction.caller.uid))
            return seat
        }
    }

    /// Opens one's own microphone; another's is only asked for: nobody is put on the air by
    /// somebody else.
    ///
    /// - Returns: the seat, still muted when its member has been asked.
    public func unmute(
        _ uid: String, in circleID: CircleID, by caller: Caller
    ) async throws -> Seat {
        try await command(on: circleID, by: caller) { transaction in
            var seat = try transaction.speakingSeat(uid)
            guard seat.isMuted else { return seat }
            let actor = transaction.caller.uid
            guard uid == actor else {
                transaction.record(.unmuteRequested(seat.member, actorUID: actor))
                return seat
            }
            seat.isMuted = false
            try transaction.update(seat)
            transaction.record(.memberUnmuted(seat.member, actorUID: actor))
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

    /// The seat of a member on stage whose microphone the caller may close: their own, or that of
    /// one whom they moderate.
    func speakingSeat(_ uid: String) throws -> Seat {
        let seat: Seat
        if uid == caller.uid {
            try requireLive()
            seat = try callerSeat()
        } else {
            seat = try moderatedSeat(uid)
        }
        guard seat.role.isOnStage else { throw CommandError.notOnStage }
        return seat
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
