import Domain
import Foundation
import JWTKit
import Testing

@testable import Tokens

@Suite("MediaTokens (LiveKit access tokens)")
struct MediaTokensTests {
    private static let secret = "a media secret with enough characters"

    private let now = Timestamp(seconds: 1_795_426_200)
    private let circleID = CircleID(high: 0x019A_AAAA_AAAA_7AAA, low: 0x8BBB_BBBB_BBBB_BBBB)
    private let sessionID = SessionID(high: 0x019A_CCCC_CCCC_7CCC, low: 0x8DDD_DDDD_DDDD_DDDD)

    private func tokens(key: String = "key", secret: String = secret) -> MediaTokens {
        MediaTokens(
            configuration: .init(apiKey: key, apiSecret: secret, lifetimeSeconds: 600))
    }

    private func minted(_ uid: String, _ role: Role, hasSeat: Bool = true) async throws
        -> MediaTokens.Minted
    {
        tokens().mint(
            MediaGrant(
                uid: uid, circleID: circleID, sessionID: hasSeat ? sessionID : nil, role: role),
            now: now)
    }

    private func payload(of token: String) throws -> [String: Any] {
        let parts = token.split(separator: ".")
        let data = try #require(Base64URL.decode(parts[1]))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func grant(_ claims: [String: Any]) throws -> [String: Any] {
        try #require(claims["video"] as? [String: Any])
    }

    @Test("a token names its issuer, member, session and room")
    func namesItsParts() async throws {
        let claims = try payload(of: try await minted("ada", .listener).token)
        #expect(claims["iss"] as? String == "key")
        #expect(claims["sub"] as? String == "ada")
        #expect(claims["sid"] as? String == "019acccc-cccc-7ccc-8ddd-dddddddddddd")
        #expect(try grant(claims)["room"] as? String == "019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb")
    }

    @Test("a token is good from now until its lifetime is over")
    func hasATime() async throws {
        let minted = try await minted("ada", .listener)
        let claims = try payload(of: minted.token)
        #expect(claims["nbf"] as? Int == 1_795_426_200)
        #expect(claims["exp"] as? Int == 1_795_426_800)
        #expect(minted.expiresAt == now.adding(seconds: 600))
    }

    @Test("the seat's role decides who may publish", arguments: Role.allCases)
    func grantsByRole(role: Role) async throws {
        let claims = try payload(of: try await minted("ada", role).token)
        let grant = try grant(claims)
        #expect(claims["role"] as? String == role.rawValue)
        #expect(grant["roomJoin"] as? Bool == true)
        #expect(grant["canSubscribe"] as? Bool == true)
        #expect(grant["canPublish"] as? Bool == (role != .listener))
        #expect(grant["canPublishData"] as? Bool == false)
        #expect(
            grant["canPublishSources"] as? [String] == (role == .listener ? [] : ["microphone"]))
    }

    @Test("without a seat a token lets nobody in", arguments: [Role.host, .listener])
    func grantsNothingWithoutASeat(role: Role) async throws {
        let claims = try payload(of: try await minted("ada", role, hasSeat: false).token)
        let grant = try grant(claims)
        #expect(claims["role"] as? String == role.rawValue)
        #expect(claims["sid"] == nil)
        #expect(grant["roomJoin"] as? Bool == false)
        #expect(grant["canPublish"] as? Bool == false)
        #expect(grant["canSubscribe"] as? Bool == false)
        #expect(grant["canPublishData"] as? Bool == false)
    }

    @Test("a token is signed with the SFU's secret and no other")
    func isSigned() async throws {
        let token = try await minted("ada", .listener).token
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
        #expect(try await keys.verify(token, as: MemberClaims.self).sub == "ada")
        let others = await JWTKeyCollection().add(
            hmac: HMACKey(from: "another secret that is as long as ours is"),
            digestAlgorithm: .sha256)
        await #expect(throws: JWTError.self) {
            try await others.verify(token, as: MemberClaims.self)
        }
    }

    @Test("what was minted is verified, from just before its time to just after it")
    func verifies() async throws {
        let token = try await minted("ada", .speaker).token
        let grant = MediaGrant(
            uid: "ada", circleID: circleID, sessionID: sessionID, role: .speaker)
        for seconds: Int64 in [-10, 0, 599, 609] {
            #expect(try tokens().verify(token, now: now.adding(seconds: seconds)) == grant)
        }
        #expect(throws: MediaTokenError.expired) {
            try tokens().verify(token, now: now.adding(seconds: 610))
        }
        #expect(throws: MediaTokenError.invalid) {
            try tokens().verify(token, now: now.adding(seconds: -11))
        }
    }

    @Test("another issuer's or another secret's token, and one without a seat, are refused")
    func refuses() async throws {
        let token = try await minted("ada", .speaker).token
        #expect(throws: MediaTokenError.invalid) {
            try tokens(key: "other").verify(token, now: now)
        }
        #expect(throws: MediaTokenError.invalid) {
            try tokens(secret: "another secret that is as long as ours is")
                .verify(token, now: now)
        }
        let seatless = try await minted("ada", .host, hasSeat: false).token
        #expect(throws: MediaTokenError.noSeat) {
            try tokens().verify(seatless, now: now)
        }
    }

    @Test(
        "what is no token is refused",
        arguments: [
            "", "x", "a.b", "a.b.c", "....", String(repeating: "a", count: 9000),
            "eyJ4IjoxZTMwMH0.e30.", "eyJhbGciOiJub25lIn0.e30.",
        ])
    func refusesGarbage(token: String) async {
        #expect(throws: MediaTokenError.malformed) {
            try tokens().verify(token, now: now)
        }
    }

    // MARK: A hosted LiveKit

    /// A token as a LiveKit server reads it: its own names, nothing of ours, and no others in
    /// the grant. Source: `auth.ClaimGrants` and `VideoGrant` of livekit/protocol.
    private struct LiveKitClaims: JWTPayload {
        let iss: IssuerClaim
        let sub: SubjectClaim
        let nbf: NotBeforeClaim
        let exp: ExpirationClaim
        let metadata: String?
        let attributes: [String: String]?
        let video: VideoGrant

        struct VideoGrant: Decodable, Encodable {
            let room: String
            let roomJoin: Bool
            let canPublish: Bool
            let canSubscribe: Bool
            let canPublishData: Bool
            let canPublishSources: [String]
            let canUpdateOwnMetadata: Bool
            let roomAdmin: Bool?
            let roomCreate: Bool?
            let roomList: Bool?
            let roomRecord: Bool?
            let ingressAdmin: Bool?
            let hidden: Bool?
        }

        func verify(using _: some JWTAlgorithm) throws {}
    }

    @Test(
        "a LiveKit server reads the role's rights, and nothing that administers",
        arguments: Role.allCases)
    func suitsLiveKit(role: Role) async throws {
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
        let claims = try await keys.verify(
            try await minted("ada", role).token, as: LiveKitClaims.self)
        #expect(claims.iss.value == "key" && claims.sub.value == "ada")
        #expect(claims.exp.value.timeIntervalSince(claims.nbf.value) == 600)
        let video = claims.video
        #expect(video.room == circleID.description && video.roomJoin && video.canSubscribe)
        #expect(video.canPublish == role.isOnStage)
        #expect(video.canPublishSources == (role.isOnStage ? ["microphone"] : []))
        #expect(!video.canPublishData && !video.canUpdateOwnMetadata)
        let powers = [
            video.roomAdmin, video.roomCreate, video.roomList, video.roomRecord,
            video.ingressAdmin, video.hidden,
        ]
        #expect(powers.allSatisfy { $0 == nil })
    }

    @Test("what LiveKit hands back of a participant names the session, one way or the other")
    func tellsTheSession() async throws {
        let claims = try payload(of: try await minted("ada", .speaker).token)
        let attributes = try #require(claims["attributes"] as? [String: String])
        let metadata = try #require(claims["metadata"] as? String)
        #expect(attributes == ["sessionId": sessionID.description, "role": "speaker"])
        #expect(
            MediaParticipant.sessionID(attributes: attributes, metadata: nil) == sessionID)
        #expect(MediaParticipant.sessionID(attributes: [:], metadata: metadata) == sessionID)
        #expect(MediaParticipant.sessionID(attributes: nil, metadata: metadata) == sessionID)
        #expect(MediaParticipant.sessionID(attributes: nil, metadata: "{") == nil)
        #expect(MediaParticipant.sessionID(attributes: nil, metadata: nil) == nil)
        // Attributes that name something else are not overruled.
        #expect(
            MediaParticipant.sessionID(attributes: ["sessionId": "x"], metadata: metadata) == nil)
    }

    @Test("a token from before there were attributes is still verified")
    func verifiesOlderTokens() async throws {
        let token = try await minted("ada", .speaker).token
        let claims = try payload(of: token)
        var older = claims
        older["attributes"] = nil
        older["metadata"] = nil
        var video = try grant(claims)
        video["canUpdateOwnMetadata"] = nil
        older["video"] = video
        let keys = await JWTKeyCollection().add(
            hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
        let header = try #require(token.split(separator: ".").first)
        let signed =
            header + "." + Base64URL.encode(try JSONSerialization.data(withJSONObject: older))
        let signature = try await keys.getKey().sign(Array(signed.utf8))
        let grant = try tokens().verify(
            "\(signed).\(Base64URL.encode(signature))", now: now)
        #expect(grant.sessionID == sessionID)
    }

    private struct MemberClaims: JWTPayload {
        let sub: String

        func verify(using _: some JWTAlgorithm) throws {}
    }
}
