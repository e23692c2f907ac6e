import HTTPTypes
import Hummingbird

/// Tells browsers to take nothing for more than it is. What a handler has set stays.
struct SecurityHeaders: RouterMiddleware {
    /// Whether clients reach us by HTTPS only, and shall remember it (RFC 6797).
    let isTransportSecure: Bool

    private static let yearSeconds = 31_536_000
    private static let defaults: [(HTTPField.Name, String)] = [
        (.xContentTypeOptions, "nosniff"),
        (HTTPField.Name("Referrer-Policy")!, "no-referrer"),  // a valid field name
        (HTTPField.Name("X-Frame-Options")!, "DENY"),  // a valid field name
        // For JSON opened in a tab; pages of ours bring their own.
        (.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'"),
        (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),  // a valid field name
    ]

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        for (name, value) in Self.defaults where !response.headers.contains(name) {
            response.headers[name] = value
        }
        // Answers hold tokens and what only this user may see.
        let path = request.uri.path
        if path == "/v1" || path.hasPrefix("/v1/"), !response.headers.contains(.cacheControl) {
            response.headers[.cacheControl] = "no-store"
        }
        if isTransportSecure {
            response.headers[.strictTransportSecurity] =
                "max-age=\(Self.yearSeconds); includeSubDomains"
        }
        return response
    }
}
