import CircleStore
import Domain
import HTTPTypes
import Hummingbird

/// The page at `/`, with which Circles is tried in a browser, and what it asks before it has a
/// user: no API key and no token is needed here.
struct WebRoutes: Sendable {
    let files: WebFiles
    let store: CircleStore
    let tokens: TokenVerifier
    let clock: any WallClock
    /// The key that the page sends; empty: it asks for one.
    let apiKey: String
    /// Of an SFU that is not ours; empty for our own nodes.
    let sfuURL: String

    /// A development token ends the next day: long enough to try things, and no longer.
    private static let tokenSeconds: Int64 = 12 * 3600

    func add(to router: RouterGroup<CirclesRequestContext>) {
        serve("/", WebFiles.document, in: router)
        for name in WebFiles.names where name != WebFiles.document {
            serve(RouterPath(name), name, in: router)
        }
        router.serve("web/config", [.get: showConfiguration])
        router.serve("web/sign-in", [.post: signIn])
    }

    private func serve(
        _ path: RouterPath, _ name: String, in router: RouterGroup<CirclesRequestContext>
    ) {
        guard let file = files.files[name] else {
            preconditionFailure("the list of files is what was read: \(name)")
        }
        let isDocument = name == WebFiles.document
        router.serve(
            path,
            [
                .get: { request, _ in
                    isDocument ? try await document(file, for: request) : answer(file, for: request)
                },
                .head: { request, _ in
                    let response =
                        isDocument
                        ? try await document(file, for: request) : answer(file, for: request)
                    return response.createHeadResponse()
                },
            ])
    }

    // MARK: Files

    /// The document, which may talk to this server and to the SFU's nodes and loads nothing from
    /// anywhere else.
    private func document(_ file: WebFiles.File, for request: Request) async throws -> Response {
        let nodes = try await store.liveNodeURLs() + [sfuURL]
        let origins = Set(nodes.compactMap { WebOrigin(of: $0)?.description }).sorted()
        let policy = Self.policy(connecting: origins)
        var headers: HTTPFields = [
            .contentSecurityPolicy: policy,
            .referrerPolicy: "no-referrer",
            .permissionsPolicy: "microphone=(self), camera=(), geolocation=()",
            .crossOriginOpenerPolicy: "same-origin",
        ]
        // Browsers keep the stored policy when they are told "not modified", so a new policy
        // makes a new document.
        headers[.eTag] = WebFiles.File.entityTag(of: file.bytes + Array(policy.utf8))
        return answer(file, for: request, headers: headers)
    }

    static func policy(connecting origins: [String]) -> String {
        """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; \
        media-src 'self' blob:; manifest-src 'self'; \
        connect-src \((["'self'"] + origins).joined(separator: " ")); \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
    }

    private func answer(
        _ file: WebFiles.File, for request: Request, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        let entityTag = headers[.eTag] ?? file.entityTag
        headers[.eTag] = entityTag
        // The files belong together: each is asked about again, which costs a 304.
        headers[.cacheControl] = "no-cache"
        headers[.xContentTypeOptions] = "nosniff"
        if let known = request.headers[.ifNoneMatch], Self.matches(known, entityTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = file.contentType
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }

    /// The weak comparison that `If-None-Match` asks for. Source: RFC 9110 §13.1.2.
    private static func matches(_ condition: String, _ entityTag: String) -> Bool {
        condition.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            let text = String(tag)
            return text == "*" || text == entityTag || text == "W/" + entityTag
        }
    }

    // MARK: Before there is a user

    private struct ConfigurationBody: Encodable {
        /// Absent: the page asks for a key.
        let apiKey: String?
        let developmentSignIn: Bool
        /// Absent for our own nodes, which each circle names.
        let sfuUrl: String?
    }

    @Sendable
    private func showConfiguration(_: Request, _: CirclesRequestContext) -> Response {
        JSON.response(
            ConfigurationBody(
                apiKey: apiKey.isEmpty ? nil : apiKey,
                developmentSignIn: tokens.signsDevelopmentTokens,
                sfuUrl: sfuURL.isEmpty ? nil : sfuURL),
            headers: [.cacheControl: "no-store"])
    }

    private struct SignInBody: Encodable {
        let uid: String
        let token: String
        let expiresAt: Timestamp
    }

    /// Anyone may be anyone here: there is no such route without the development secret.
    @Sendable
    private func signIn(
        _ request: Request, _ context: CirclesRequestContext
    ) async throws -> Response {
        guard tokens.signsDevelopmentTokens else { throw Problem.routeNotFound }
        var fields = try await JSON.fields(of: request)
        let uid = fields.uid("uid")
        _ = fields.required("uid", uid)
        try fields.finish()
        let now = clock.now()
        guard
            let token = try await tokens.developmentToken(
                uid: uid ?? "", now: now, lifetimeSeconds: Self.tokenSeconds)
        else { throw Problem.routeNotFound }
        return JSON.response(
            SignInBody(
                uid: uid ?? "", token: token, expiresAt: now.adding(seconds: Self.tokenSeconds)),
            headers: [.cacheControl: "no-store"])
    }
}

extension HTTPField.Name {
    // All valid field names.
    static let referrerPolicy = Self("Referrer-Policy")!
    static let permissionsPolicy = Self("Permissions-Policy")!
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
}
