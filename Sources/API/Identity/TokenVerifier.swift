import Domain
import Foundation
import JWTKit
import Tokens

/// Who sent a request, by a verified token.
struct Identity: Sendable, Equatable {
    let uid: String
    let email: String?
}

/// Verifies the bearer tokens of users: of the development issuer (HS256) and of Firebase
/// (RS256, keys from a JWKS URL). A token's issuer decides the algorithm; nothing else does.
public struct TokenVerifier: Sendable {
    /// The development issuer's name in `iss` and `aud`.
    public static let developmentIssuer = "circles-development"

    public struct Configuration: Sendable {
        /// Signs development tokens; `nil` refuses them.
        public var developmentSecret: String?
        /// `nil` refuses Firebase tokens.
        public var firebase: Firebase?

        public struct Firebase: Sendable {
            public var projectID: String
            public var jwksURL: String

            public init(projectID: String, jwksURL: String) {
                self.projectID = projectID
                self.jwksURL = jwksURL
            }

            var issuer: String { "https://securetoken.google.com/\(projectID)" }
        }

        public init(developmentSecret: String?, firebase: Firebase?) {
            self.developmentSecret = developmentSecret
            self.firebase = firebase
        }
    }

    private let configuration: Configuration
    private let developmentKeys: JWTKeyCollection?
    private let firebaseKeys: RemoteKeySet?
    private let clock: any WallClock
    private let known = VerifiedTokens<UserClaims>()

    /// How far the clocks of issuers may be ahead of ours.
    private static let leewaySeconds: Double = 30

    public init(
        configuration: Configuration, clock: any WallClock,
        fetch: @escaping @Sendable (_ url: String) async throws -> RemoteKeySet.Fetched
    ) async {
        self.configuration = configuration
        self.clock = clock
        developmentKeys =
            if let secret = configuration.developmentSecret {
                await JWTKeyCollection().add(
                    hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            } else { nil }
        firebaseKeys = configuration.firebase.map {
            RemoteKeySet(url: $0.jwksURL, clock: clock, fetch: fetch)
        }
    }

    /// - Throws: `Problem` (401) with `token_missing`, `token_malformed`, `token_invalid` or
    ///   `token_expired`.
    func verify(authorization: String?) async throws -> Identity {
        guard let token = bearerToken(authorization) else {
            throw Problem.unauthorized(.tokenMissing, "A bearer token is required")
        }
        if let claims = known.claims(of: token, now: clock.now()) {
            return try identity(claims)
        }
        guard let unverified = UnverifiedToken(token, as: UserClaims.self) else {
            throw Problem.unauthorized(.tokenMalformed, "The bearer token is not a JWT")
        }
        let invalid = Problem.unauthorized(.tokenInvalid, "The bearer token is not valid")
        let keys: JWTKeyCollection
        if unverified.claims.iss == Self.developmentIssuer, unverified.algorithm == "HS256",
            let developmentKeys
        {
            keys = developmentKeys
        } else if let firebase = configuration.firebase, let firebaseKeys,
            unverified.claims.iss == firebase.issuer, unverified.algorithm == "RS256",
            let kid = unverified.keyID
        {
            keys = try await firebaseKeys.keys(for: kid)
        } else {
            throw invalid
        }
        guard await unverified.isSigned(by: keys) else { throw invalid }
        let claims = unverified.claims
        let identity = try identity(claims)
        known.keep(
            claims, of: token, now: clock.now(),
            keysExpireAt: claims.iss == Self.developmentIssuer
                ? nil : await firebaseKeys?.expiresAt)
        return identity
    }

    private func identity(_ claims: UserClaims) throws -> Identity {
        let invalid = Problem.unauthorized(.tokenInvalid, "The bearer token is not valid")
        let now = Double(clock.now().microseconds) / 1e6
        guard let expiry = claims.exp, expiry.isFinite else { throw invalid }
        guard now < expiry else {
            throw Problem.unauthorized(.tokenExpired, "The bearer token has expired")
        }
        for begin in [claims.iat, claims.nbf, claims.auth_time] {
            if let begin, begin > now + Self.leewaySeconds { throw invalid }
        }
        let audience =
            claims.iss == Self.developmentIssuer
            ? Self.developmentIssuer : configuration.firebase?.projectID
        guard let audience, claims.aud?.values.contains(audience) == true,
            let uid = claims.sub, isUID(uid)
        else { throw invalid }
        // Firebase lets anyone sign up with any address; only a verified one gets our mail.
        let isVerified =
            claims.iss == Self.developmentIssuer || claims.email_verified == true
        return Identity(uid: uid, email: isVerified ? claims.email : nil)
    }

    /// Whether there is a development secret.
    var signsDevelopmentTokens: Bool { configuration.developmentSecret != nil }

    /// Signs a token of the development issuer; `nil` when there is no secret.
    func developmentToken(
        uid: String, now: Timestamp, lifetimeSeconds: Int64
    ) async throws -> String? {
        guard let secret = configuration.developmentSecret else { return nil }
        return try await Self.developmentToken(
            uid: uid, email: nil, secret: secret, now: now, lifetimeSeconds: lifetimeSeconds)
    }

    /// Signs a token of the development issuer, as `circles token` does.
    public static func developmentToken(
        uid: String, email: String?, secret: String, now: Timestamp, lifetimeSeconds: Int64
    ) async throws -> String {
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        let begin = Double(now.microseconds / 1_000_000)
        return try await keys.sign(
            UserClaims(
                iss: developmentIssuer, aud: .init(values: [developmentIssuer]), sub: uid,
                email: email, iat: begin, exp: begin + Double(lifetimeSeconds)))
    }
}

/// The claims that we read. Plain values: a token may hold anything.
private struct UserClaims: JWTPayload {
    var iss: String?
    var aud: OneOrMany?
    var sub: String?
    var email: String?
    var email_verified: Bool?
    var iat: Double?
    var nbf: Double?
    var auth_time: Double?
    var exp: Double?

    /// Times and names are checked by `TokenVerifier`, which has the clock.
    func verify(using _: some JWTAlgorithm) throws {}
}

/// A claim that is a string or an array of strings (RFC 7519 §4.1.3).
private struct OneOrMany: Codable {
    let values: [String]

    init(values: [String]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(String.self) {
            values = [value]
        } else {
            values = try container.decode([String].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if values.count == 1 {
            try container.encode(values[0])
        } else {
            try container.encode(values)
        }
    }
}
