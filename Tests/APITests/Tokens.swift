import Domain
import Foundation
import JWTKit
import Testing

@testable import API

/// The claims of a test's token; `nil` leaves one out.
struct TokenClaims: JWTPayload {
    var iss: String?
    var aud: [String]?
    var sub: String? = "ada"
    var email: String?
    var emailVerified: Bool?
    var iat: Double? = seconds(0)
    var nbf: Double?
    var exp: Double? = seconds(3600)
    var authTime: Double?

    enum CodingKeys: String, CodingKey {
        case iss, aud, sub, email, iat, nbf, exp
        case emailVerified = "email_verified"
        case authTime = "auth_time"
    }

    func verify(using _: some JWTAlgorithm) throws {}

    static func development() -> TokenClaims {
        let name = TokenVerifier.developmentIssuer
        return TokenClaims(iss: name, aud: [name])
    }

    static func firebase() -> TokenClaims {
        TokenClaims(
            iss: "https://securetoken.google.com/circles-test", aud: ["circles-test"],
            authTime: seconds(0))
    }

    /// A time in claims: seconds from `FixedClock.start`.
    static func seconds(_ offset: Double) -> Double {
        Double(FixedClock.start.microseconds / 1_000_000) + offset
    }

    func signed(secret: String, kid: JWKIdentifier? = nil) async throws -> String {
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: kid)
        return try await keys.sign(self, kid: kid)
    }

    func signed(
        _ key: PublishedKey, kid: JWKIdentifier? = nil, digest: DigestAlgorithm = .sha256
    ) async throws -> String {
        let kid = kid ?? key.keyID
        let keys = await JWTKeyCollection().add(
            rsa: try key.privateKey(), digestAlgorithm: digest, kid: kid)
        return try await keys.sign(self, kid: kid)
    }

    /// The claims under a header of our own making and a signature that is none.
    func unsigned(header: String, signature: String = "") throws -> String {
        let payload = try JSONEncoder().encode(self)
        return base64URL(Data(header.utf8)) + "." + base64URL(payload) + "."
            + base64URL(Data(signature.utf8))
    }
}

/// Source: RFC 4648 §5, without padding as RFC 7515 §2 wants it.
func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
}

/// The second part of a token, as JSON says it.
func payload(of token: String) throws -> [String: Any] {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    try #require(parts.count == 3)
    var base64 = parts[1].replacingOccurrences(of: "-", with: "+")
        .replacingOccurrences(of: "_", with: "/")
    while base64.utf8.count % 4 != 0 { base64 += "=" }
    let data = try #require(Data(base64Encoded: base64))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
}

extension TokenVerifier {
    /// What a request with this token is refused with.
    func refusal(
        of token: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async -> Problem? {
        await #expect(throws: Problem.self, sourceLocation: sourceLocation) {
            try await verify(authorization: "Bearer " + token)
        }
    }
}
