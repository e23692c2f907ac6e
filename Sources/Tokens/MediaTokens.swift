import Crypto
import Domain
import Foundation
import JSONText

/// What a media token says: who may enter which circle's media, as what.
public struct MediaGrant: Sendable, Equatable {
    public var uid: String
    public var circleID: CircleID
    /// The member session; `nil` while there is no seat, and then the token opens nothing.
    public var sessionID: SessionID?
    public var role: Role

    public init(uid: String, circleID: CircleID, sessionID: SessionID?, role: Role) {
        self.uid = uid
        self.circleID = circleID
        self.sessionID = sessionID
        self.role = role
    }
}

/// Why a media token was refused.
public enum MediaTokenError: Error, Sendable, Equatable {
    /// Not a JSON Web Token with our claims.
    case malformed
    /// Another issuer, another key, or not yet valid.
    case invalid
    case expired
    /// It was made before its holder had a seat.
    case noSeat
}

/// Mints and verifies the tokens that a client shows the SFU: LiveKit access tokens with our
/// `role` and the member session in `sid`. HS256, one secret shared by API and SFU.
///
/// A hosted LiveKit takes the same tokens under its own key and secret. It knows neither `role`
/// nor `sid` but hands a participant's attributes and metadata to other clients and back to us
/// in webhooks, so both are there too; who holds the token cannot change them.
/// Source: LiveKit, "Authentication"; `auth.ClaimGrants` and `VideoGrant` of livekit/protocol.
public struct MediaTokens: Sendable {
    public struct Configuration: Sendable {
        /// The `iss` of the tokens: LiveKit's API key.
        public var apiKey: String
        public var apiSecret: String
        public var lifetimeSeconds: Int64

        public init(apiKey: String, apiSecret: String, lifetimeSeconds: Int64 = 600) {
            self.apiKey = apiKey
            self.apiSecret = apiSecret
            self.lifetimeSeconds = lifetimeSeconds
        }
    }

    public struct Minted: Sendable {
        public let token: String
        public let expiresAt: Timestamp
    }

    private let configuration: Configuration
    private let secret: SymmetricKey
    /// Has taken in the key and nothing else.
    private let keyed: HMAC<SHA256>

    /// How far the clocks of API and SFU may differ.
    private static let leewaySeconds: Int64 = 10

    public init(configuration: Configuration) {
        self.configuration = configuration
        secret = SymmetricKey(data: Data(configuration.apiSecret.utf8))
        keyed = HMAC(key: secret)
    }

    public func mint(_ grant: MediaGrant, now: Timestamp) -> Minted {
        let expiresAt = now.adding(seconds: configuration.lifetimeSeconds)
        let hasSeat = grant.sessionID != nil
        var claims = JSONWriter()
        claims.object { json in
            json.member("iss", configuration.apiKey)
            json.member("sub", grant.uid)
            json.member("nbf", now.microseconds / 1_000_000)
            json.member("exp", expiresAt.microseconds / 1_000_000)
            json.member("role", grant.role)
            if let sessionID = grant.sessionID {
                json.member("sid", sessionID)
                json.member("metadata", MediaParticipant.metadata(sessionID, grant.role))
                json.name("attributes")
                json.object { json in
                    json.member(MediaParticipant.sessionKey, sessionID)
                    json.member(MediaParticipant.roleKey, grant.role)
                }
            }
            json.name("video")
            json.object { json in
                json.member("room", grant.circleID)
                json.member("roomJoin", hasSeat)
                json.member("canPublish", hasSeat && grant.role.isOnStage)
                json.member("canSubscribe", hasSeat)
                json.member("canPublishData", false)
                json.member("canPublishSources", grant.role.isOnStage ? ["microphone"] : [])
                json.member("canUpdateOwnMetadata", false)
            }
        }
        return Minted(token: sign(claims.bytes), expiresAt: expiresAt)
    }

    /// A token with these claims, as compact JWS (RFC 7515 §3.1).
    private func sign(_ claims: [UInt8]) -> String {
        let input = Self.header + "." + Base64URL.encode(claims)
        var code = keyed
        code.update(data: Array(input.utf8))
        return input + "." + Base64URL.encode(code.finalize())
    }

    private static let header = Base64URL.encode(#"{"alg":"HS256","typ":"JWT"}"#.utf8)

    /// Checks a token's signature, issuer and times.
    public func verify(_ token: String, now: Timestamp) throws(MediaTokenError)
        -> MediaGrant
    {
        guard let unverified = UnverifiedToken(token, as: MediaClaims.self) else {
            throw .malformed
        }
        guard unverified.claims.iss == configuration.apiKey, unverified.isSigned(by: secret) else {
            throw .invalid
        }
        let claims = unverified.claims
        let seconds = now.microseconds / 1_000_000
        guard claims.exp > seconds - Self.leewaySeconds else { throw .expired }
        guard claims.nbf <= seconds + Self.leewaySeconds else { throw .invalid }
        guard let role = Role(rawValue: claims.role), let circleID = CircleID(claims.video.room),
            Limits.isName(claims.sub, byteCount: Limits.uidByteCount)
        else { throw .malformed }
        guard claims.video.roomJoin, let sessionID = claims.sid.flatMap({ SessionID($0) }) else {
            throw .noSeat
        }
        return MediaGrant(
            uid: claims.sub, circleID: circleID, sessionID: sessionID, role: role)
    }
}

struct MediaClaims: Codable {
    let iss: String
    let sub: String
    let nbf: Int64
    let exp: Int64
    let role: String
    /// The member session; events of another session never end this one.
    let sid: String?
    let metadata: String?
    let attributes: [String: String]?
    let video: VideoGrant

    struct VideoGrant: Codable {
        let room: String
        let roomJoin: Bool
        let canPublish: Bool
        let canSubscribe: Bool
        let canPublishData: Bool
        let canPublishSources: [String]
        let canUpdateOwnMetadata: Bool?
    }
}
