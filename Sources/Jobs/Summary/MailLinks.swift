import Domain
import Tokens

/// The links in a mail.
public struct MailLinks: Sendable {
    /// Where a circle's report is; `{circleId}` stands for its id. Empty: nowhere.
    public var reportURL: String
    /// How clients reach the API, without a slash at its end; empty: not at all.
    public var publicURL: String
    /// Signs the links by which mail is stopped; `nil` without a secret.
    public var tokens: UnsubscribeTokens?
    /// Where mail that asks to stop goes; empty: nowhere.
    public var unsubscribeAddress: String

    public init(
        reportURL: String = "", publicURL: String = "", tokens: UnsubscribeTokens? = nil,
        unsubscribeAddress: String = ""
    ) {
        self.reportURL = reportURL
        self.publicURL = publicURL
        self.tokens = tokens
        self.unsubscribeAddress = unsubscribeAddress
    }

    static let circlePlaceholder = "{circleId}"

    /// The report of one circle; `nil` when there is none.
    func report(of circleID: CircleID) -> String? {
        reportURL.isEmpty
            ? nil : reportURL.replacing(Self.circlePlaceholder, with: circleID.description)
    }

    /// The ways for this person to get no more of this kind.
    func unsubscribe(uid: String, kind: String) -> MailMessage.Unsubscribe {
        guard let token = tokens?.token(for: .init(uid: uid, kind: kind)) else { return .init() }
        return .init(
            url: publicURL.isEmpty ? nil : "\(publicURL)/v1/unsubscribe/\(token)",
            // Whoever reads that mailbox opens the link with the token.
            mailto: unsubscribeAddress.isEmpty
                ? nil : "mailto:\(unsubscribeAddress)?subject=unsubscribe%20\(token)")
    }
}
