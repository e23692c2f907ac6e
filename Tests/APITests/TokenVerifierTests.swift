import Domain
import Foundation
import JWTKit
import Testing

@testable import API

@Suite("TokenVerifier with the development issuer (RFC 7519, RFC 8725)")
struct TokenVerifierTests {
    private static let secret = "a development secret of 40 characters ok"

    private let clock = FixedClock()

    private func verifier(secret: String? = secret) async -> TokenVerifier {
        await TokenVerifier(
            configuration: .init(developmentSecret: secret, firebase: nil), clock: clock,
            fetch: { _ in
                Issue.record("the development issuer has no keys to fetch")
                return .init(body: "", maxAgeSeconds: 0)
            })
    }

    private func refusalCode(of claims: TokenClaims) async throws -> String? {
        let token = try await claims.signed(secret: Self.secret)
        return await verifier().refusal(of: token)?.code
    }

    // MARK: Accepted

    @Test("a development token names its user")
    func accepts() async throws {
        let token = try await TokenVerifier.developmentToken(
            uid: "ada", email: "ada@example.org", secret: Self.secret, now: clock.now(),
            lifetimeSeconds: 60)
        let identity = try await verifier().verify(authorization: "Bearer " + token)
        #expect(identity == Identity(uid: "ada", email: "ada@example.org"))
    }

    @Test("a development token needs no e-mail address")
    func acceptsWithoutMail() async throws {
        let token = try await TokenVerifier.developmentToken(
            uid: "ada", email: nil, secret: Self.secret, now: clock.now(), lifetimeSeconds: 60)
        let identity = try await verifier().verify(authorization: "Bearer " + token)
        #expect(identity == Identity(uid: "ada", email: nil))
    }

    @Test(
        "the scheme is read in any case", arguments: ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
    func readsTheScheme(scheme: String) async throws {
        let token = try await TokenClaims.development().signed(secret: Self.secret)
        #expect(try await verifier().verify(authorization: scheme + token).uid == "ada")
    }

    @Test("one of several audiences is enough")
    func acceptsAudiences() async throws {
        var claims = TokenClaims.development()
        claims.aud = ["another", TokenVerifier.developmentIssuer]
        let token = try await claims.signed(secret: Self.secret)
        #expect(try await verifier().verify(authorization: "Bearer " + token).uid == "ada")
    }

    // MARK: Time

    @Test("a token ends with its last second")
    func expires() async throws {
        let token = try await TokenVerifier.developmentToken(
            uid: "ada", email: nil, secret: Self.secret, now: clock.now(), lifetimeSeconds: 60)
        let verifier = await verifier()
        clock.advance(seconds: 59)
        _ = try await verifier.verify(authorization: "Bearer " + token)
        clock.advance(seconds: 1)
        let problem = await verifier.refusal(of: token)
        #expect(problem?.code == "token_expired")
        #expect(problem?.status.code == 401)
    }

    @Test("a token without an end is refused")
    func requiresExpiry() async throws {
        var claims = TokenClaims.development()
        claims.exp = nil
        #expect(try await refusalCode(of: claims) == "token_invalid")
    }

    @Test("issuers' clocks may be half a minute ahead of ours, not more")
    func allowsLeeway() async throws {
        let begins: [WritableKeyPath<TokenClaims, Double?>] = [\.iat, \.nbf, \.authTime]
        for begin in begins {
            var claims = TokenClaims.development()
            claims[keyPath: begin] = TokenClaims.seconds(30)
            let token = try await claims.signed(secret: Self.secret)
            _ = try await verifier().verify(authorization: "Bearer " + token)
            claims[keyPath: begin] = TokenClaims.seconds(31)
            #expect(try await refusalCode(of: claims) == "token_invalid")
        }
    }

    // MARK: Refused

    @Test(
        "without a bearer token the request is refused as such",
        arguments: [nil, "", "Bearer", "Basic YWRhOmFkYQ==", "bearer\ttoken", " Bearer x"])
    func requiresAToken(authorization: String?) async {
        let verifier = await verifier()
        let problem = await #expect(throws: Problem.self) {
            try await verifier.verify(authorization: authorization)
        }
        #expect(problem?.code == "token_missing")
        #expect(problem?.status.code == 401)
    }

    @Test(
        "what is no JWT is refused as such",
        arguments: [
            "", "x", "a.b", "a.b.c", "..", "...", "e30.e30", "e30.e30.e30.e30",
            "bm90IGpzb24.bm90IGpzb24.", "W10.W10.", "e30.\u{0}.", "🙂.🙂.🙂",
            String(repeating: "a", count: 9000),
        ])
    func refusesGarbage(token: String) async {
        let problem = await verifier().refusal(of: token)
        #expect(problem?.code == "token_malformed")
        #expect(problem?.status.code == 401)
    }

    @Test(
        "a token without a signature is refused, whatever its header calls that",
        arguments: [
            #"{"alg": "none"}"#, #"{"alg": "None", "typ": "JWT"}"#, #"{"alg": "NONE"}"#,
            #"{"alg": ""}"#, #"{"typ": "JWT"}"#, #"{"alg": "HS256"}"#,
            #"{"alg": "hs256"}"#, #"{"alg": "HS384"}"#, #"{"alg": "RS256", "kid": "first"}"#,
        ])
    func refusesUnsigned(header: String) async throws {
        let claims = TokenClaims.development()
        let empty = try claims.unsigned(header: header)
        #expect(await verifier().refusal(of: empty)?.code == "token_invalid")
        let wrong = try claims.unsigned(
            header: header, signature: "thirty-two bytes of wrong digest")
        #expect(await verifier().refusal(of: wrong)?.code == "token_invalid")
    }

    @Test("a header of our making, however odd, refuses the token and nothing else")
    func survivesOddHeaders() async {
        // JWTKit's header turns whole numbers into Int, and 1e300 is one.
        await #expect(processExitsWith: .success) {
            let verifier = await TokenVerifier(
                configuration: .init(developmentSecret: nil, firebase: nil), clock: FixedClock(),
                fetch: { _ in .init(body: "", maxAgeSeconds: 0) })
            let token = try TokenClaims.development().unsigned(
                header: #"{"alg": "HS256", "x": 1e300}"#)
            _ = try? await verifier.verify(authorization: "Bearer " + token)
        }
    }

    @Test("another secret's signature is refused")
    func refusesOtherSecrets() async throws {
        let token = try await TokenClaims.development().signed(
            secret: "another secret that is as long as ours is")
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
    }

    @Test("claims that were changed after signing are refused")
    func refusesChangedClaims() async throws {
        let signed = try await TokenClaims.development().signed(secret: Self.secret)
        var claims = TokenClaims.development()
        claims.sub = "eve"
        let changed = try claims.unsigned(header: "{}")
        var parts = signed.split(separator: ".")
        parts[1] = changed.split(separator: ".")[1]
        let token = parts.joined(separator: ".")
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
    }

    @Test(
        "another issuer's token is refused", arguments: [nil, "", "someone", "circles-developmenT"])
    func refusesOtherIssuers(issuer: String?) async throws {
        var claims = TokenClaims.development()
        claims.iss = issuer
        #expect(try await refusalCode(of: claims) == "token_invalid")
    }

    @Test(
        "a token for another audience is refused", arguments: [nil, [], ["someone"]] as [[String]?])
    func refusesOtherAudiences(audience: [String]?) async throws {
        var claims = TokenClaims.development()
        claims.aud = audience
        #expect(try await refusalCode(of: claims) == "token_invalid")
    }

    @Test(
        "a token that names no user is refused",
        arguments: [nil, "", "a\nb", "a\u{0}", String(repeating: "a", count: 129)])
    func requiresASubject(subject: String?) async throws {
        var claims = TokenClaims.development()
        claims.sub = subject
        #expect(try await refusalCode(of: claims) == "token_invalid")
    }

    @Test("without a development secret its tokens are refused")
    func canBeSwitchedOff() async throws {
        let token = try await TokenClaims.development().signed(secret: Self.secret)
        #expect(await verifier(secret: nil).refusal(of: token)?.code == "token_invalid")
    }
}
