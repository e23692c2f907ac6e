import API
import CircleStore
import Domain
import HTTPTypes
import TestKit
import Testing

@Suite("Conventions of every route: limits, scopes, origins, headers")
struct ConventionTests {
    private func field(_ name: String) throws -> HTTPField.Name {
        try #require(HTTPField.Name(name))
    }

    // MARK: Rate limits

    @Test("a user is told what is left, refused past it, and let in again")
    func limitsUsers() async throws {
        let clock = ManualClock()
        try await TestAPI.run(
            clock: clock, configure: { $0.rateLimits = .init(perUser: 3, perKey: 100) }
        ) { api in
            let (limit, policy) = (try field("RateLimit"), try field("RateLimit-Policy"))
            for remaining in [2, 1, 0] {
                let answer = try await api.send(.get, "/v1/circles", as: "ada")
                #expect(answer.status == 200)
                #expect(answer.headers[policy] == #""uid";q=3;w=60"#)
                let reset = 20 * (3 - remaining)
                #expect(answer.headers[limit] == #""uid";r=\#(remaining);t=\#(reset)"#)
            }
            let refused = try await api.send(.get, "/v1/circles", as: "ada")
            #expect(refused.mismatches(429, "rate_limited") == [])
            #expect(refused.headers[.retryAfter] == "20")
            #expect(refused.headers[limit] == #""uid";r=0;t=60"#)
            #expect(try await api.send(.get, "/v1/circles", as: "bob").status == 200)
            clock.advance(seconds: 20)
            #expect(try await api.send(.get, "/v1/circles", as: "ada").status == 200)
            #expect(try await api.send(.get, "/v1/circles", as: "ada").status == 429)
        }
    }

    @Test("a key has its own limit, which a wrong token counts against")
    func limitsKeys() async throws {
        try await TestAPI.run(
            clock: ManualClock(), configure: { $0.rateLimits = .init(perUser: 100, perKey: 2) }
        ) { api in
            let limit = try field("RateLimit")
            let first = try await api.send(.get, "/v1/circles", as: "ada")
            #expect(first.headers[limit] == #""key";r=1;t=30"#)
            let wrong = try await api.send(.get, "/v1/circles", headers: api.headers("Bearer x"))
            #expect(wrong.mismatches(401, "token_malformed") == [])
            #expect(wrong.headers[limit] == #""key";r=0;t=60"#)
            let refused = try await api.send(.get, "/v1/circles", as: "bob")
            #expect(refused.mismatches(429, "rate_limited") == [])
            // A key that is none is refused before it is counted.
            let unknown = try await api.send(
                .get, "/v1/circles", headers: api.headers(nil, key: "none"))
            #expect(unknown.mismatches(401, "api_key_invalid") == [])
            #expect(unknown.headers[limit] == nil)
        }
    }

    // MARK: Scopes

    @Test("a key does what its scopes say and no more")
    func requiresScopes() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            let keys = APIKeys(pool: api.store.pool, clock: clock)
            let reader = try await keys.create(name: "kiosk", scopes: [.circlesRead])
            let writer = try await keys.create(name: "bot", scopes: [.circlesWrite])
            let uploader = try await keys.create(name: "uploader", scopes: [.uploadsWrite, .me])
            let circleID = try await api.store.makeCircle(host: "ada")
            let path = "/v1/circles/\(circleID)"
            let bearer = "Bearer " + (try await api.token("zoe"))
            for (key, method, path, scope) in [
                (reader, HTTPRequest.Method.get, path, nil), (reader, .get, "/v1/circles", nil),
                (reader, .post, path + "/join", "circles:write"),
                (reader, .delete, path, "circles:write"),
                (writer, .post, path + "/join", nil), (writer, .get, path, "circles:read"),
                (uploader, .get, path, "circles:read"),
                (uploader, .post, path + "/leave", "circles:write"),
            ] as [(String, HTTPRequest.Method, String, String?)] {
                let answer = try await api.send(
                    method, path, headers: api.headers(bearer, key: key))
                if let scope {
                    #expect(answer.mismatches(403, "insufficient_scope") == [], "\(method) \(path)")
                    let challenge = answer.headers[.wwwAuthenticate] ?? ""
                    #expect(challenge.hasSuffix(#"error="insufficient_scope", scope="\#(scope)""#))
                } else {
                    #expect(answer.status == 200, "\(method) \(path)")
                }
            }
            let listed = try await keys.list()
            let counts = Dictionary(uniqueKeysWithValues: listed.map { ($0.name, $0.scopes.count) })
            #expect(counts == ["tests": 4, "kiosk": 1, "bot": 1, "uploader": 2])
            let kiosk = try #require(listed.first { $0.name == "kiosk" })
            #expect(try await keys.revoke(kiosk.keyID))
            clock.advance(seconds: 6)
            let revoked = try await api.send(
                .get, path, headers: api.headers(bearer, key: reader))
            #expect(revoked.mismatches(401, "api_key_invalid") == [])
        }
    }

    // MARK: Origins

    @Test("a script of a listed origin may call, and read what it needs; another may not")
    func allowsOrigins() async throws {
        try await TestAPI.run(
            clock: ManualClock(),
            configure: { $0.allowedOrigins = .listed(["https://app.example"]) }
        ) { api in
            func preflight(_ origin: String, _ path: String) async throws -> TestAPI.Answer {
                try await api.send(
                    .options, path,
                    headers: [
                        .origin: origin, .accessControlRequestMethod: "PATCH",
                        .accessControlRequestHeaders: "x-api-key,if-match",
                    ])
            }
            let path = "/v1/circles/00000000-0000-7000-8000-000000000000"
            let allowed = try await preflight("https://app.example", path)
            #expect(allowed.status == 204)
            #expect(allowed.body.isEmpty)
            #expect(allowed.headers[.accessControlAllowOrigin] == "https://app.example")
            #expect(allowed.headers[.accessControlAllowMethods] == "DELETE, GET, PATCH, OPTIONS")
            let names = allowed.headers[.accessControlAllowHeaders]?.lowercased() ?? ""
            for name in ["x-api-key", "authorization", "if-match", "idempotency-key"] {
                #expect(names.contains(name))
            }
            #expect(allowed.headers[.accessControlMaxAge] == "7200")
            #expect(allowed.headers[.vary] == "Origin")
            let other = try await preflight("https://evil.example", path)
            #expect(other.headers[.accessControlAllowOrigin] == nil)
            #expect(other.headers[.accessControlAllowMethods] == nil)
            #expect(try await preflight("https://app.example", "/v1/rooms").status == 404)
            // A real answer, and a refusal, that the script can read.
            for authorization in ["Bearer " + (try await api.token("ada")), nil] {
                var headers = api.headers(authorization)
                headers[.origin] = "https://app.example"
                let answer = try await api.send(.get, "/v1/circles", headers: headers)
                #expect(answer.status == (authorization == nil ? 401 : 200))
                #expect(answer.headers[.accessControlAllowOrigin] == "https://app.example")
                let exposed = answer.headers[.accessControlExposeHeaders] ?? ""
                for name in ["ETag", "Location", "RateLimit", "X-Request-Id", "Retry-After"] {
                    #expect(exposed.contains(name))
                }
                #expect(answer.headers[.vary]?.contains("Origin") == true)
                #expect(answer.headers[.accessControlAllowCredentials] == nil)
            }
        }
    }

    @Test("with a star every origin may call, and without a setting nothing is said")
    func allowsAnyOrNone() async throws {
        let origin: HTTPFields = [.origin: "https://a.example"]
        try await TestAPI.run(configure: { $0.allowedOrigins = .any }) { api in
            let answer = try await api.send(.get, "/healthz", headers: origin)
            #expect(answer.headers[.accessControlAllowOrigin] == "*")
            #expect(answer.headers[.vary]?.contains("Origin") != true)
        }
        try await TestAPI.run { api in
            let answer = try await api.send(.get, "/healthz", headers: origin)
            #expect(answer.headers[.accessControlAllowOrigin] == nil)
            #expect(answer.headers[.accessControlExposeHeaders] == nil)
            let options = try await api.send(.options, "/v1/circles", headers: [:])
            #expect(options.status == 204)
            #expect(options.headers[.allow] == "GET, POST, OPTIONS")
        }
    }

    // MARK: Security headers

    @Test("every answer tells browsers to take it for nothing more than it is")
    func setsSecurityHeaders() async throws {
        for isSecure in [false, true] {
            try await TestAPI.run(configure: { $0.isTransportSecure = isSecure }) { api in
                for path in ["/healthz", "/v1/circles", "/v1/rooms", "/v1//circles"] {
                    let answer = try await api.send(.get, path, as: "ada")
                    for (name, value) in [
                        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                        ("X-Frame-Options", "DENY"),
                        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
                        ("Cross-Origin-Resource-Policy", "same-origin"),
                    ] {
                        #expect(answer.headers[try field(name)] == value, "\(path)")
                    }
                    let cached = answer.headers[.cacheControl]
                    #expect(cached == (path == "/healthz" ? nil : "no-store"), "\(path)")
                    let strict = answer.headers[.strictTransportSecurity]
                    #expect((strict == "max-age=31536000; includeSubDomains") == isSecure)
                }
            }
        }
    }
}
