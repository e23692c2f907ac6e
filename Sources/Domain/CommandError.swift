/// Why a command on a circle was refused. The raw value is the stable `code` of the problem
/// document.
public enum CommandError: String, Error, Sendable, CaseIterable {
    /// No such circle, or one that the caller may not know of.
    case circleNotFound = "circle_not_found"
    /// The caller's role does not allow it.
    case forbidden = "forbidden"
    case banned = "banned"
    case inviteRequired = "invite_required"
    case circleNotStarted = "circle_not_started"
    /// It has begun; what was asked is possible only before.
    case circleAlreadyStarted = "circle_already_started"
    case circleEnded = "circle_ended"
    case listenersFull = "listeners_full"
    case speakersFull = "speakers_full"
    /// The caller holds no seat.
    case notAMember = "not_a_member"
    /// The member that the command is about holds no seat.
    case memberNotFound = "member_not_found"
    /// Not a listener, so there is nothing to promote.
    case alreadyOnStage = "already_on_stage"
    /// Not a speaker, so there is nothing to demote.
    case notOnStage = "not_on_stage"
    /// The host cannot be kicked, demoted or banned.
    case targetIsHost = "target_is_host"
    case creationLimitReached = "creation_limit_reached"
    /// Nobody has asked the caller onto the stage.
    case notInvited = "not_invited"
    case coHostsFull = "co_hosts_full"
    /// The user that the command is about is banned.
    case targetBanned = "target_banned"
    case reportLimitReached = "report_limit_reached"
}
