import HTTPTypes
import Hummingbird

extension RouterMethods {
    typealias Handler = @Sendable (Request, Context) async throws -> Response

    /// Serves a path by method; other methods get 405 with what is allowed (RFC 9110 §15.5.6), and
    /// OPTIONS just that (§9.3.7).
    func serve(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
        let allowed = handlers.keys.sorted { $0.rawValue < $1.rawValue }
        on(path, method: .options) { _, _ in
            Response(
                status: .noContent,
                headers: [.allow: (allowed + [.options]).map(\.rawValue).joined(separator: ", ")])
        }
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .trace] {
            on(path, method: method) { request, context in
                guard let handler = handlers[method] else {
                    throw Problem.methodNotAllowed(allowed)
                }
                return try await handler(request, context)
            }
        }
    }
}
