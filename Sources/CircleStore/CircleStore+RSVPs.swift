import Database
import Domain

/// An announcement to come to a scheduled circle.
public struct RSVP: Sendable, Hashable {
    public let circleID: CircleID
    public let startAt: Timestamp
    public let madeAt: Timestamp
}

extension CircleStore {
    /// Notes that the caller means to come; again, it stays as it was.
    ///
    /// - Throws: `CommandError.circleAlreadyStarted` or `.circleEnded` when there is nothing to
    ///   wait for, `.banned`, `.inviteRequired`.
    public func makeRSVP(_ circleID: CircleID, by caller: Caller) async throws -> RSVP {
        try await command(on: circleID, by: caller) { transaction in
            let (circle, uid) = (transaction.circle, transaction.caller.uid)
            try transaction.requireScheduled()
            guard try !transaction.isBanned(uid) else { throw CommandError.banned }
            guard try transaction.mayEnter() else { throw CommandError.inviteRequired }
            let made = try transaction.connection.query(
                """
                insert into rsvps (circle_id, uid, made_at)
                values (\(circle.circleID), \(uid), \(transaction.now))
                on conflict (circle_id, uid) do nothing
                """
            ).affectedCount
            if made > 0 { transaction.record(.rsvpMade(uid: uid)) }
            let madeAt: Timestamp = try transaction.connection.query(
                """
                select made_at from rsvps
                where circle_id = \(circle.circleID) and uid = \(uid)
                """)[0].get(0)
            return RSVP(
                circleID: circle.circleID, startAt: circle.details.startAt, madeAt: madeAt)
        }
    }

    /// Takes it back; where there is none, nothing happens.
    public func withdrawRSVP(_ circleID: CircleID, by caller: Caller) async throws {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireScheduled()
            let uid = transaction.caller.uid
            let withdrawn = try transaction.connection.query(
                """
                delete from rsvps
                where circle_id = \(transaction.circle.circleID) and uid = \(uid)
                """
            ).affectedCount
            if withdrawn > 0 { transaction.record(.rsvpWithdrawn(uid: uid)) }
        }
    }
}

extension CircleTransaction {
    fileprivate func requireScheduled() throws(CommandError) {
        switch circle.status {
        case .scheduled: return
        case .live: throw .circleAlreadyStarted
        case .ended: throw .circleEnded
        }
    }
}
