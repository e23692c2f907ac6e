import Crypto
import Domain
import Foundation
import Tokens

/// Verifies the webhooks of a hosted LiveKit: each carries a token, signed with the API secret,
/// that holds the hash of its body.
/// Source: LiveKit, "Webhooks"; `webhook.Receive` of livekit/protocol.
public struct LiveKitWebhooks: Sendable {
    private let apiKey: String
    private let secret: SymmetricKey

    /// How far LiveKit's clock may differ from ours.
    private static let leewaySeconds: Double = 30
    /// LiveKit's tokens last five minutes. One that outlasted our memory of deliveries could be
    /// replayed, so what is good for longer than this is refused.
    private static let lifetimeSecondsMax: Double = 86_400

    /// - Parameters:
    ///   - apiKey: the `iss` of the tokens.
    ///   - apiSecret: what signs them (HS256).
    public init(apiKey: String, apiSecret: String) {
        self.apiKey = apiKey
        secret = SymmetricKey(data: Data(apiSecret.utf8))
    }

    private struct Claims: Decodable {
        let iss: String
        let exp: Double
        let nbf: Double?
        let sha256: String
    }

    static let invalid = Problem.unauthorized(
        .webhookSignatureInvalid, "The message is not signed by the SFU")
    static let expired = Problem.unauthorized(
        .webhookExpired, "The message's signature has expired")

    /// Checks that the SFU sent exactly this body, lately.
    ///
    /// - Parameter authorization: the header: the token, with or without `Bearer`.
    func verify(authorization: String?, body: [UInt8], now: Timestamp) throws(Problem) {
        guard let authorization else { throw Self.invalid }
        let token = bearerToken(authorization) ?? authorization
        guard let unverified = UnverifiedToken(token, as: Claims.self),
            unverified.isSigned(by: secret)
        else { throw Self.invalid }
        let claims = unverified.claims
        guard claims.iss == apiKey, let hash = Data(base64Encoded: claims.sha256),
            SHA256.hash(data: body) == hash
        else { throw Self.invalid }
        let seconds = Double(now.microseconds) / 1_000_000
        guard seconds < claims.exp + Self.leewaySeconds else { throw Self.expired }
        guard claims.exp <= seconds + Self.lifetimeSecondsMax,
            (claims.nbf ?? 0) <= seconds + Self.leewaySeconds
        else { throw Self.invalid }
    }
}
