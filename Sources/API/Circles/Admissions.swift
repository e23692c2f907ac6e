import CircleStore
import Domain
import Tokens

/// Makes the answer to those who get a seat: with a media token of their role and session.
struct Admissions: Sendable {
    let mediaTokens: MediaTokens
    let sfuURL: String
    let clock: any WallClock

    func body(of admission: Admission, for caller: Caller) -> AdmissionBody {
        let circle = admission.circle
        let role = admission.seat?.role ?? .host
        let minted = mediaTokens.mint(
            MediaGrant(
                uid: caller.uid, circleID: circle.circleID, sessionID: admission.seat?.sessionID,
                role: role),
            now: clock.now())
        return AdmissionBody(
            admission, role: role, token: minted.token, expiresAt: minted.expiresAt,
            media: MediaURLs(admission, fixedURL: sfuURL))
    }
}
