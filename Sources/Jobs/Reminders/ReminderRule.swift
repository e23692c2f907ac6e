import Domain

/// Who is reminded of which circle, when, and in which words. Pure: the facts come from the
/// database at the moment of sending, not from when the reminder fell due.
struct ReminderRule: Sendable, Equatable {
    /// How long after the planned start a reminder still helps, seconds.
    static let graceSeconds: Int64 = 300

    /// How long before the planned start reminders fall due, seconds.
    var leadSeconds: Int64

    enum CircleStatus: String, Sendable {
        case scheduled
        case live
        case ended
    }

    struct Facts: Sendable, Equatable {
        /// The planned start that the row was made for.
        var startAt: Timestamp
        var circleStartAt: Timestamp
        var status: CircleStatus
        /// When the RSVP was made; `nil`: withdrawn.
        var madeAt: Timestamp?
        var isBanned = false
        /// Whether they could enter: public, hosting or invited. Who may not see a secret circle
        /// may not enter it either.
        var mayEnter = true
        var isInside = false
        var hasDevice = true
        /// Whether the same device was reminded of a planned start less than the lead away from
        /// this one.
        var wasReminded = false
        /// Attempts that surely did not arrive.
        var attemptCount = 0
    }

    /// Why a reminder does not go out; the row's `reason`.
    enum Skip: String, Sendable, CaseIterable {
        case circleEnded
        case rescheduled
        case rsvpWithdrawn
        case banned
        case notInvited
        case alreadyInside
        case deviceGone
        case alreadyReminded
        case tooLate
        /// It was refused for so long that the circle has started.
        case retriedUntilStart

        /// Whether the row goes back to pending when its RSVP is gone through again.
        var isRevocable: Bool { self == .rescheduled || self == .rsvpWithdrawn }
    }

    enum Verdict: Sendable, Equatable {
        case send
        case skip(Skip)
    }

    func dueAt(_ startAt: Timestamp) -> Timestamp { startAt.adding(seconds: -leadSeconds) }

    func verdict(on facts: Facts, at now: Timestamp) -> Verdict {
        if facts.status == .ended { return .skip(.circleEnded) }
        if facts.circleStartAt != facts.startAt { return .skip(.rescheduled) }
        guard let madeAt = facts.madeAt else { return .skip(.rsvpWithdrawn) }
        if facts.isBanned { return .skip(.banned) }
        if !facts.mayEnter { return .skip(.notInvited) }
        if facts.isInside { return .skip(.alreadyInside) }
        if !facts.hasDevice { return .skip(.deviceGone) }
        if facts.wasReminded { return .skip(.alreadyReminded) }
        if facts.attemptCount > 0, now > facts.startAt { return .skip(.retriedUntilStart) }
        // Who announces themselves after the planned start waits for it already.
        if now > facts.startAt.adding(seconds: Self.graceSeconds) || madeAt > facts.startAt {
            return .skip(.tooLate)
        }
        return .send
    }

    /// What the push says under the circle's title.
    func words(status: CircleStatus, startAt: Timestamp, at now: Timestamp) -> String {
        if status == .live { return "Is live now" }
        let microseconds = startAt.microseconds - now.microseconds
        let minutes = (microseconds + 59_999_999) / 60_000_000
        switch minutes {
        case ..<1: return "Is about to start"
        case 1: return "Starts in 1 minute"
        default: return "Starts in \(minutes) minutes"
        }
    }
}
