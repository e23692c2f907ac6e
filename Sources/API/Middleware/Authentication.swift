import HTTPTypes
import Hummingbird

/// Requires a client's API key, with the scope of the route, and a user's bearer token; and holds
/// both to their rate limits, each as soon as it is known.
struct Authentication: RouterMiddleware {
    let keys: APIKeys
    let tokens: TokenVerifier
    let limits: RateLimits

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        // Browsers ask what they may send before they send any key.
        if request.method == .options { return try await next(request, context) }
        let key = try await keys.verify(request.headers[.apiKey])
        try limits.take(key: key.keyID, context)
        try require(request.method, context.endpointPath, of: key)
        let identity = try await tokens.verify(authorization: request.headers[.authorization])
        try limits.take(uid: identity.uid, context)
        var context = context
        context.identity = identity
        return try await next(request, context)
    }

    /// - Throws: `Problem` (403) `insufficient_scope`.
    private func require(
        _ method: HTTPRequest.Method, _ path: String?, of key: APIKeys.Verified
    ) throws {
        guard let path, let required = RouteScopes.table[path] else {
            // Nobody has decided who may call it.
            throw Problem.internalError
        }
        let scope = method == .get || method == .head ? required.read : required.write
        guard key.scopes.contains(scope) else { throw Problem.insufficientScope(scope) }
    }
}

extension Problem {
    /// Source: RFC 6750 §3.1.
    static func insufficientScope(_ scope: APIScope) -> Problem {
        var problem = Problem(
            .insufficientScope, "The API key may not do this",
            detail: "The scope \(scope.rawValue) is required")
        problem.headers[.wwwAuthenticate] =
            "Bearer realm=\"circles\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
        return problem
    }
}
