import Domain
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle
import Tokens

/// The HTTP face of the node.
enum SignallingServer {
    static func router(
        node: MediaNode, tokens: MediaTokens, clock: any WallClock,
        exposition: @escaping @Sendable () -> String
    ) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.addMiddleware {
            // Media tokens are in a header and no cookie is used: any page may call.
            CORSMiddleware(
                allowOrigin: .all,
                allowHeaders: [.authorization, .contentType, .ifMatch],
                allowMethods: [.get, .post, .put, .patch, .delete, .options],
                maxAge: .seconds(86_400))
            ExposedHeaders()
            SignallingProblems()
        }
        router.get("healthz") { _, _ in "ok" }
        router.get("metrics") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: exposition())))
        }
        SignallingRoutes(node: node, tokens: tokens, clock: clock).add(to: router)
        return router
    }
}

/// Lets pages read the headers that WHIP and WHEP live by. The library's middleware names them
/// in answers to preflights only; browsers look for them in the answer itself (Fetch §3.3.3).
private struct ExposedHeaders: RouterMiddleware {
    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        if request.headers.contains(.origin) {
            response.headers[.accessControlExposeHeaders] =
                "Location, ETag, Link, WWW-Authenticate, Retry-After"
        }
        return response
    }
}

/// Turns every error into a problem document.
private struct SignallingProblems: RouterMiddleware {
    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = SignallingProblem(error)
            if problem.status.kind == .serverError {
                context.logger.error(
                    "signalling failed",
                    metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            }
            Counter(label: "circles_sfu_problems_total", dimensions: [("code", problem.code)])
                .increment()
            return problem.response()
        }
    }
}
