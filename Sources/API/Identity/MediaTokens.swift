import CircleStore
import Domain
import JWTKit

/// Mints the tokens that a client shows the SFU: LiveKit access tokens with our `role`.
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

    private let configuration: Configuration
    private let keys: JWTKeyCollection

    public init(configuration: Configuration) async {
        self.configuration = configuration
        keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: configuration.apiSecret), digestAlgorithm: .sha256)
    }

    struct Minted: Sendable {
        let token: String
        let expiresAt: Timestamp
    }

    /// A token for one member session; without a seat, one that lets its holder into no media
    /// yet: the circle has not begun, and a join gives the next.
    func mint(for uid: String, in circle: Circle, seat: Seat?, now: Timestamp) async throws
        -> Minted
    {
        let expiresAt = now.adding(seconds: configuration.lifetimeSeconds)
        let role = seat?.role ?? (circle.details.hostUID == uid ? .host : .listener)
        let room = circle.circleID.description
        let claims = MediaClaims(
            iss: configuration.apiKey, sub: uid,
            nbf: now.microseconds / 1_000_000, exp: expiresAt.microseconds / 1_000_000,
            role: role.rawValue, sid: seat?.sessionID.description,
            video: .init(
                room: room, roomJoin: seat != nil, canPublish: seat != nil && role.isOnStage,
                canSubscribe: seat != nil, canPublishData: false,
                canPublishSources: role.isOnStage ? ["microphone"] : []))
        return Minted(token: try await keys.sign(claims), expiresAt: expiresAt)
    }
}

private struct MediaClaims: JWTPayload {
    let iss: String
    let sub: String
    let nbf: Int64
    let exp: Int64
    let role: String
    /// The member session; events of another session never end this one.
    let sid: String?
    let video: VideoGrant

    struct VideoGrant: Codable {
        let room: String
        let roomJoin: Bool
        let canPublish: Bool
        let canSubscribe: Bool
        let canPublishData: Bool
        let canPublishSources: [String]
    }

    func verify(using _: some JWTAlgorithm) throws {}
}
