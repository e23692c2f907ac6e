import HTTPTypes
import Hummingbird

/// Which web pages' scripts may call the API.
public enum AllowedOrigins: Sendable, Equatable {
    /// None; nothing is sent.
    case none
    case any
    /// Serialized origins, as `Origin` has them.
    case listed(Set<String>)

    /// - Parameter text: `*`, or origins separated by commas; empty for none.
    /// - Returns: `nil` when one of them is no origin: scheme, host and perhaps a port.
    public init?(_ text: String) {
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        switch parts {
        case []: self = .none
        case ["*"]: self = .any
        default:
            guard parts.allSatisfy(Self.isOrigin) else { return nil }
            self = .listed(Set(parts))
        }
    }

    private static func isOrigin(_ text: String) -> Bool {
        let hosts = ["https://", "http://"].filter(text.hasPrefix).map { text.dropFirst($0.count) }
        guard let host = hosts.first else { return false }
        return !host.isEmpty && text == text.lowercased()
            && host.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            && !host.contains { "/?#@*".contains($0) }
    }

    func allows(_ origin: String) -> Bool {
        switch self {
        case .none: false
        case .any: true
        case .listed(let origins): origins.contains(origin)
        }
    }
}

/// Lets scripts of other origins in: answers preflights, and says what scripts may read.
///
/// Credentials mode is never allowed: callers name themselves in headers, not in cookies.
/// Hummingbird's own middleware sends the exposed headers with preflights only, where browsers do
/// not look.
/// Source: WHATWG Fetch §3.2.
struct CrossOrigin: RouterMiddleware {
    let origins: AllowedOrigins

    /// How long a browser may keep a preflight's answer; none keeps it longer than two hours.
    static let maxAgeSeconds = 7200

    private static let requestHeaders = [
        "Authorization", "Content-Type", "X-API-Key", "Idempotency-Key", "If-Match",
        "If-None-Match", "Last-Event-ID", "X-Request-Id",
    ].joined(separator: ", ")
    private static let exposedHeaders = [
        "ETag", "Location", "RateLimit", "RateLimit-Policy", "X-Request-Id",
        "Idempotency-Replayed", "Retry-After", "WWW-Authenticate",
    ].joined(separator: ", ")

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        guard origins != .none else { return response }
        if origins != .any { response.headers.addVary("Origin") }
        guard let origin = request.headers[.origin], origins.allows(origin) else {
            return response
        }
        response.headers[.accessControlAllowOrigin] = origins == .any ? "*" : origin
        let isPreflight =
            request.method == .options && request.headers.contains(.accessControlRequestMethod)
        if isPreflight, let allowed = response.headers[.allow] {
            response.headers[.accessControlAllowMethods] = allowed
            response.headers[.accessControlAllowHeaders] = Self.requestHeaders
            response.headers[.accessControlMaxAge] = "\(Self.maxAgeSeconds)"
        } else {
            response.headers[.accessControlExposeHeaders] = Self.exposedHeaders
        }
        return response
    }
}
