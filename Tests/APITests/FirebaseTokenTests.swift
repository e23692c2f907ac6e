import Domain
import JWTKit
import Synchronization
import Testing

@testable import API

@Suite("TokenVerifier with Firebase (RS256, keys from a JWKS URL)")
struct FirebaseTokenTests {
    /// Answers for the issuer's URL and counts how often it was asked.
    private final class KeyServer: Sendable {
        struct Unreachable: Error {}

        private struct State {
            var keys: [PublishedKey]?
            var maxAgeSeconds: Int64 = 3600
            var urls: [String] = []
        }

        private let state: Mutex<State>

        init(_ keys: PublishedKey...) {
            state = Mutex(State(keys: keys))
        }

        var urls: [String] { state.withLock { $0.urls } }

        /// `nil`: it does not answer any more.
        func serve(_ keys: [PublishedKey]?, maxAgeSeconds: Int64 = 3600) {
            state.withLock {
                $0.keys = keys
                $0.maxAgeSeconds = maxAgeSeconds
            }
        }

        func fetch(_ url: String) throws -> RemoteKeySet.Fetched {
            try state.withLock {
                $0.urls.append(url)
                guard let keys = $0.keys else { throw Unreachable() }
                let body = "{\"keys\": [" + keys.map(\.jwk).joined(separator: ", ") + "]}"
                return .init(body: body, maxAgeSeconds: $0.maxAgeSeconds)
            }
        }
    }

    private let clock = FixedClock()
    private let server = KeyServer(.first)

    private func verifier() async -> TokenVerifier {
        let server = server
        return await TokenVerifier(
            configuration: .init(
                developmentSecret: "a development secret of 40 characters ok",
                firebase: .init(projectID: "circles-test", jwksURL: "https://keys.test/jwks")),
            clock: clock, fetch: { try server.fetch($0) })
    }

    private func token(
        _ key: PublishedKey = .first, kid: JWKIdentifier? = nil,
        _ change: (inout TokenClaims) -> Void = { _ in }
    ) async throws -> String {
        var claims = TokenClaims.firebase()
        change(&claims)
        return try await claims.signed(key, kid: kid)
    }

    // MARK: Tokens

    @Test("a token that the issuer's key signed names its user")
    func accepts() async throws {
        let token = try await token {
            $0.email = "ada@example.org"
            $0.emailVerified = true
        }
        let identity = try await verifier().verify(authorization: "Bearer " + token)
        #expect(identity == Identity(uid: "ada", email: "ada@example.org"))
        #expect(server.urls == ["https://keys.test/jwks"])
    }

    @Test("an address that Firebase has not verified is not the user's", arguments: [nil, false])
    func dropsUnverifiedAddress(isVerified: Bool?) async throws {
        let token = try await token {
            $0.email = "ada@example.org"
            $0.emailVerified = isVerified
        }
        let identity = try await verifier().verify(authorization: "Bearer " + token)
        #expect(identity == Identity(uid: "ada", email: nil))
    }

    @Test("a token of another project is refused")
    func refusesOtherProjects() async throws {
        let verifier = await verifier()
        let audience = try await token { $0.aud = ["another-project"] }
        #expect(await verifier.refusal(of: audience)?.code == "token_invalid")
        let issuer = try await token { $0.iss = "https://securetoken.google.com/another" }
        #expect(await verifier.refusal(of: issuer)?.code == "token_invalid")
        let development = try await token { $0.aud = [TokenVerifier.developmentIssuer] }
        #expect(await verifier.refusal(of: development)?.code == "token_invalid")
    }

    @Test("a token that has expired is refused as such")
    func expires() async throws {
        let token = try await token { $0.exp = TokenClaims.seconds(10) }
        let verifier = await verifier()
        _ = try await verifier.verify(authorization: "Bearer " + token)
        clock.advance(seconds: 10)
        #expect(await verifier.refusal(of: token)?.code == "token_expired")
    }

    @Test("a sign-in in the future is refused")
    func refusesFutureSignIn() async throws {
        let token = try await token { $0.authTime = TokenClaims.seconds(31) }
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
    }

    @Test("another key's signature is refused, though it names the issuer's")
    func refusesOtherKeys() async throws {
        let token = try await token(.second, kid: PublishedKey.first.keyID)
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
    }

    @Test("HS256 with the text of the RSA public key as its secret is refused")
    func refusesConfusedAlgorithms() async throws {
        let key = try PublishedKey.first.privateKey().publicKey
        let verifier = await verifier()
        for secret in [key.pemRepresentation, PublishedKey.first.modulus, PublishedKey.first.jwk] {
            let kid = PublishedKey.first.keyID
            let firebase = try await TokenClaims.firebase().signed(secret: secret, kid: kid)
            #expect(await verifier.refusal(of: firebase)?.code == "token_invalid")
            let development = try await TokenClaims.development().signed(secret: secret, kid: kid)
            #expect(await verifier.refusal(of: development)?.code == "token_invalid")
        }
    }

    @Test("the development secret signs no Firebase token, the issuer's key no development one")
    func keepsIssuersApart() async throws {
        let verifier = await verifier()
        let symmetric = try await TokenClaims.firebase().signed(
            secret: "a development secret of 40 characters ok", kid: PublishedKey.first.keyID)
        #expect(await verifier.refusal(of: symmetric)?.code == "token_invalid")
        let asymmetric = try await TokenClaims.development().signed(.first)
        #expect(await verifier.refusal(of: asymmetric)?.code == "token_invalid")
    }

    @Test("another digest than the one agreed on is refused")
    func refusesOtherDigests() async throws {
        let token = try await TokenClaims.firebase().signed(.first, digest: .sha512)
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
        #expect(server.urls.isEmpty)
    }

    @Test("a token that names no key is refused without a fetch")
    func requiresAKeyID() async throws {
        let token = try TokenClaims.firebase().unsigned(header: #"{"alg": "RS256"}"#)
        #expect(await verifier().refusal(of: token)?.code == "token_invalid")
        #expect(server.urls.isEmpty)
    }

    // MARK: Keys

    @Test("known keys are fetched once")
    func keepsKeys() async throws {
        let (token, verifier) = (try await token(), await verifier())
        for _ in 0..<5 {
            _ = try await verifier.verify(authorization: "Bearer " + token)
            clock.advance(seconds: 60)
        }
        #expect(server.urls.count == 1)
    }

    @Test("an unknown key is asked for at most once in 10 seconds")
    func limitsFetches() async throws {
        let known = try await token()
        let unknown = try await token(.second)
        let verifier = await verifier()
        _ = try await verifier.verify(authorization: "Bearer " + known)
        clock.advance(seconds: 9)
        for _ in 0..<5 {
            #expect(await verifier.refusal(of: unknown)?.code == "token_invalid")
        }
        #expect(server.urls.count == 1)
        clock.advance(seconds: 1)
        for _ in 0..<5 {
            #expect(await verifier.refusal(of: unknown)?.code == "token_invalid")
        }
        #expect(server.urls.count == 2)
        clock.advance(seconds: 10)
        #expect(await verifier.refusal(of: unknown)?.code == "token_invalid")
        #expect(server.urls.count == 3)
        _ = try await verifier.verify(authorization: "Bearer " + known)
        #expect(server.urls.count == 3)
    }

    @Test("many requests at once fetch once")
    func fetchesOnceForAll() async throws {
        let (token, verifier) = (try await token(), await verifier())
        let uids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask { try await verifier.verify(authorization: "Bearer " + token).uid }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(uids == Array(repeating: "ada", count: 20))
        #expect(server.urls.count == 1)
    }

    @Test("a key that the issuer has begun to use is found")
    func findsNewKeys() async throws {
        let verifier = await verifier()
        _ = try await verifier.verify(authorization: "Bearer " + (try await token()))
        server.serve([.first, .second])
        clock.advance(seconds: 10)
        let token = try await token(.second)
        #expect(try await verifier.verify(authorization: "Bearer " + token).uid == "ada")
        #expect(server.urls.count == 2)
    }

    @Test("keys are fetched anew when their time is over, and old ones refused then")
    func dropsOldKeys() async throws {
        server.serve([.first], maxAgeSeconds: 300)
        let (token, verifier) = (try await token(), await verifier())
        _ = try await verifier.verify(authorization: "Bearer " + token)
        server.serve([.second])
        clock.advance(seconds: 299)
        _ = try await verifier.verify(authorization: "Bearer " + token)
        #expect(server.urls.count == 1)
        clock.advance(seconds: 1)
        #expect(await verifier.refusal(of: token)?.code == "token_invalid")
        #expect(server.urls.count == 2)
    }

    @Test("keys stay in use while the issuer does not answer")
    func survivesOutages() async throws {
        let (token, verifier) = (
            try await token { $0.exp = TokenClaims.seconds(1e6) }, await verifier()
        )
        _ = try await verifier.verify(authorization: "Bearer " + token)
        server.serve(nil)
        clock.advance(seconds: 3600)
        for _ in 0..<5 {
            #expect(try await verifier.verify(authorization: "Bearer " + token).uid == "ada")
        }
        #expect(server.urls.count == 2)
    }

    @Test("before the first answer of the issuer we are at fault, not the token")
    func reportsOutages() async throws {
        let (token, verifier) = (try await token(), await verifier())
        server.serve(nil)
        let problem = await verifier.refusal(of: token)
        #expect(problem?.code == "overloaded")
        #expect(problem?.status.code == 503)
        server.serve([.first])
        clock.advance(seconds: 10)
        #expect(try await verifier.verify(authorization: "Bearer " + token).uid == "ada")
    }

    @Test("an answer without a key that we can use does not replace those we have")
    func keepsKeysThroughNonsense() async throws {
        let (token, verifier) = (try await token(), await verifier())
        _ = try await verifier.verify(authorization: "Bearer " + token)
        server.serve([])
        clock.advance(seconds: 3599)
        let unknown = try await self.token(.second)
        #expect(await verifier.refusal(of: unknown)?.code == "token_invalid")
        #expect(server.urls.count == 2)
        #expect(try await verifier.verify(authorization: "Bearer " + token).uid == "ada")
    }
}
