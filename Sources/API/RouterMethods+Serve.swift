import HTTPTypes
import Hummingbird

extension RouterMethods {
    typealias Handler = @Sendable (Request, Context) async throws -> Response

    /// Serves a path by method; other methods get 405 with what is allowed (RFC 9110 §15.5.6).
    func serve(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
        let allowed = handlers.keys.sorted { $0.rawValue < $1.rawValue }
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete] {
            on(path, method: method) { request, context in
                guard let handler = handlers[method] else {
                    throw Problem.methodNotAllowed(allowed)
                }
                return try await handler(request, context)
            }
        }
    }
}
