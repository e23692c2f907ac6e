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

    private func tokens(key: String = "key", secret: String = secret) async -> MediaTokens {
        await MediaTokens(
            configuration: .init(apiKey: key, apiSecret: secret, lifetimeSeconds: 600))
    }

    private func minted(_ uid: String, _ role: Role, hasSeat: Bool = true) async throws
        -> MediaTokens.Minted
    {
        try await tokens().mint(
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
            #expect(try await tokens().verify(token, now: now.adding(seconds: seconds)) == grant)
        }
        await #expect(throws: MediaTokenError.expired) {
            try await tokens().verify(token, now: now.adding(seconds: 610))
        }
        await #expect(throws: MediaTokenError.invalid) {
            try await tokens().verify(token, now: now.adding(seconds: -11))
        }
    }

    @Test("another issuer's or another secret's token, and one without a seat, are refused")
    func refuses() async throws {
        let token = try await minted("ada", .speaker).token
        await #expect(throws: MediaTokenError.invalid) {
            try await tokens(key: "other").verify(token, now: now)
        }
        await #expect(throws: MediaTokenError.invalid) {
            try await tokens(secret: "another secret that is as long as ours is")
                .verify(token, now: now)
        }
        let seatless = try await minted("ada", .host, hasSeat: false).token
        await #expect(throws: MediaTokenError.noSeat) {
            try await tokens().verify(seatless, now: now)
        }
    }

    @Test(
        "what is no token is refused",
        arguments: [
            "", "x", "a.b", "a.b.c", "....", String(repeating: "a", count: 9000),
            "eyJ4IjoxZTMwMH0.e30.", "eyJhbGciOiJub25lIn0.e30.",
        ])
    func refusesGarbage(token: String) async {
        await #expect(throws: MediaTokenError.malformed) {
            try await tokens().verify(token, now: now)
        }
    }

    private struct MemberClaims: JWTPayload {
        let sub: String

        func verify(using _: some JWTAlgorithm) throws {}
    }
}
