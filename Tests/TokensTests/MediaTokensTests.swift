import Domain
import Foundation
import JWTKit
import Testing

@testable import API
@testable import CircleStore

@Suite("MediaTokens (LiveKit access tokens)")
struct MediaTokensTests {
    private static let secret = "a media secret with enough characters"

    private let now = FixedClock.start
    private let circle = Circle(
        circleID: CircleID(high: 0x019A_AAAA_AAAA_7AAA, low: 0x8BBB_BBBB_BBBB_BBBB),
        details: CircleDetails(
            title: "T", category: "", privacy: .public, hostUID: "host", coHostUIDs: ["co"],
            coverURL: "", startAt: FixedClock.start, durationMinutes: 60, maxSpeakers: 8,
            maxListeners: 100, micPolicy: .open),
        status: .live, createdAt: FixedClock.start, startedAt: FixedClock.start, endedAt: nil)

    private func seat(_ uid: String, _ role: Role) -> Seat {
        Seat(
            uid: uid, sessionID: SessionID(high: 0x019A_CCCC_CCCC_7CCC, low: 0x8DDD_DDDD_DDDD_DDDD),
            role: role, isMuted: false, handRaisedAt: nil, joinedAt: now,
            leaseExpiresAt: now.adding(seconds: 60))
    }

    private func minted(_ uid: String, _ seat: Seat?) async throws -> MediaTokens.Minted {
        let tokens = await MediaTokens(
            configuration: .init(apiKey: "key", apiSecret: Self.secret, lifetimeSeconds: 600))
        return try await tokens.mint(for: uid, in: circle, seat: seat, now: now)
    }

    private func grant(_ claims: [String: Any]) throws -> [String: Any] {
        try #require(claims["video"] as? [String: Any])
    }

    @Test("a token names its issuer, member, session and room")
    func namesItsParts() async throws {
        let claims = try payload(of: try await minted("ada", seat("ada", .listener)).token)
        #expect(claims["iss"] as? String == "key")
        #expect(claims["sub"] as? String == "ada")
        #expect(claims["sid"] as? String == "019acccc-cccc-7ccc-8ddd-dddddddddddd")
        #expect(try grant(claims)["room"] as? String == "019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb")
    }

    @Test("a token is good from now until its lifetime is over")
    func hasATime() async throws {
        let minted = try await minted("ada", seat("ada", .listener))
        let claims = try payload(of: minted.token)
        #expect(claims["nbf"] as? Int == 1_795_426_200)
        #expect(claims["exp"] as? Int == 1_795_426_800)
        #expect(minted.expiresAt == now.adding(seconds: 600))
    }

    @Test("the seat's role decides who may publish", arguments: Role.allCases)
    func grantsByRole(role: Role) async throws {
        let claims = try payload(of: try await minted("ada", seat("ada", role)).token)
        let grant = try grant(claims)
        #expect(claims["role"] as? String == role.rawValue)
        #expect(grant["roomJoin"] as? Bool == true)
        #expect(grant["canSubscribe"] as? Bool == true)
        #expect(grant["canPublish"] as? Bool == (role != .listener))
        #expect(grant["canPublishData"] as? Bool == false)
        #expect(
            grant["canPublishSources"] as? [String] == (role == .listener ? [] : ["microphone"]))
    }

    @Test("a seat counts, not being the host of the circle")
    func seatDecides() async throws {
        let claims = try payload(of: try await minted("host", seat("host", .listener)).token)
        #expect(claims["role"] as? String == "listener")
        #expect(try grant(claims)["canPublish"] as? Bool == false)
    }

    @Test("without a seat a token lets nobody in", arguments: ["host", "co", "ada"])
    func grantsNothingWithoutASeat(uid: String) async throws {
        let claims = try payload(of: try await minted(uid, nil).token)
        let grant = try grant(claims)
        #expect(claims["role"] as? String == (uid == "host" ? "host" : "listener"))
        #expect(claims["sid"] == nil)
        #expect(grant["roomJoin"] as? Bool == false)
        #expect(grant["canPublish"] as? Bool == false)
        #expect(grant["canSubscribe"] as? Bool == false)
        #expect(grant["canPublishData"] as? Bool == false)
    }

    @Test("a token is signed with the SFU's secret and no other")
    func isSigned() async throws {
        let token = try await minted("ada", seat("ada", .listener)).token
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

    private struct MemberClaims: JWTPayload {
        let sub: String

        func verify(using _: some JWTAlgorithm) throws {}
    }
}
