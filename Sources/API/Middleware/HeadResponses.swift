import Hummingbird

/// Answers to HEAD have a head and no body: a client takes what follows for its next answer.
/// Source: RFC 9110 §9.3.2.
struct HeadResponses<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        return request.method == .head ? response.createHeadResponse() : response
    }
}
