import HTTPTypes
import Hummingbird

/// The contract for people and for machines; none of it needs a key.
struct DocumentationRoutes: Sendable {
    let document: OpenAPIDocument
    /// `nil` when it is not installed.
    let swaggerUI: SwaggerUI?

    /// How long a browser keeps Swagger UI's files.
    private static let assetCacheSeconds = 3600

    func add(to router: some RouterMethods<CirclesRequestContext>) {
        router.serve("openapi.yaml", [.get: { request, _ in contract(document.yaml, request) }])
        router.serve("openapi.json", [.get: { request, _ in contract(document.json, request) }])
        router.serve("docs", [.get: page])
        router.serve("docs/{asset}", [.get: asset])
    }

    private func contract(_ content: StaticContent, _ request: Request) -> Response {
        content.response(to: request, cacheSeconds: 0)
    }

    @Sendable
    private func page(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        guard let swaggerUI else { throw Problem.docsNotInstalled }
        return swaggerUI.page.response(
            to: request, cacheSeconds: 0,
            headers: [.contentSecurityPolicy: SwaggerUI.contentSecurityPolicy])
    }

    @Sendable
    private func asset(
        _ request: Request, _ context: CirclesRequestContext
    ) async throws -> Response {
        guard let swaggerUI else { throw Problem.docsNotInstalled }
        guard let asset = context.parameters.get("asset").flatMap({ swaggerUI.assets[$0] }) else {
            throw Problem.routeNotFound
        }
        return asset.response(
            to: request, cacheSeconds: Self.assetCacheSeconds,
            headers: [.xContentTypeOptions: "nosniff"])
    }
}

extension Problem {
    static let docsNotInstalled = Problem(
        .docsNotInstalled, "Swagger UI is not installed here",
        detail: "Run scripts/install-swagger-ui.sh and start the API again, or read /openapi.yaml")
}
