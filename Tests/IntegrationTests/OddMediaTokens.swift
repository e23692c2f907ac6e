import Domain
import Tokens

/// Tokens that nobody should take.
struct OddMediaTokens {
    let expired: String
    let forged: String
    let seatless: String
    let elsewhere: String
    let unknownID: CircleID
    private let stack: MediaStack
    private let pretended: [SessionID: String]

    init(_ stack: MediaStack, _ host: MediaTicket) async throws {
        self.stack = stack
        let now = stack.test.clock.now()
        var grant = MediaGrant(
            uid: host.uid, circleID: host.circleID, sessionID: host.sessionID, role: .host)
        expired = stack.tokens.mint(grant, now: now.adding(seconds: -7200)).token
        forged =
            MediaTokens(
                configuration: .init(
                    apiKey: "circles", apiSecret: String(MediaStack.secret.reversed()))
            ).mint(grant, now: now).token
        grant.sessionID = nil
        seatless = stack.tokens.mint(grant, now: now).token
        unknownID = CircleID(now: now)
        grant.circleID = unknownID
        grant.sessionID = host.sessionID
        elsewhere = stack.tokens.mint(grant, now: now).token
        // A speaker's claim on a listener's seat.
        let fan = try await stack.ticket("fan", in: host.circleID)
        let claim = MediaGrant(
            uid: fan.uid, circleID: fan.circleID, sessionID: fan.sessionID, role: .speaker)
        pretended = [fan.sessionID: stack.tokens.mint(claim, now: now).token]
    }

    func pretending(_ ticket: MediaTicket) -> String? { pretended[ticket.sessionID] }
}
