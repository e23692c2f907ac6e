import CircleStore
import Domain
import HTTPTypes
import Hummingbird

/// The routes of circles themselves: the directory and a circle's life.
struct CircleRoutes: Sendable {
    let store: CircleStore
    let admissions: Admissions
    let uploads: Uploads
    let address: PublicAddress
    let clock: any WallClock

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("circles", [.get: list, .post: create])
        group.serve("circles/{id}", [.get: show, .patch: update, .delete: end])
    }

    // MARK: Lifecycle

    @Sendable
    private func create(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let caller = try context.caller
        var fields = try await JSON.fields(of: request)
        fields.coverURLPrefix = uploads.coverURLPrefix(address)
        let draft = try CircleDraft(&fields, hostUID: caller.uid, now: clock.now())
        let admission = try await store.create(
            draft, id: context.creationID.map { CircleID(high: $0.high, low: $0.low) },
            by: caller)
        return JSON.response(
            admissions.body(of: admission, for: caller), status: .created,
            headers: [.location: "/v1/circles/\(admission.circle.circleID)"])
    }

    @Sendable
    private func update(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let circleID = try context.circleID
        var fields = try await JSON.fields(of: request)
        fields.coverURLPrefix = uploads.coverURLPrefix(address)
        let patch = try CirclePatch(&fields, now: clock.now())
        let circle = try await store.update(
            circleID, patch, if: CircleTag.condition(request.headers), by: context.caller)
        return CircleTag.response(CircleBody(circle), version: circle.version)
    }

    @Sendable
    private func end(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let circle = try await store.end(
            context.circleID, if: CircleTag.condition(request.headers), by: context.caller)
        return CircleTag.response(CircleBody(circle), version: circle.version)
    }

    // MARK: Reading

    @Sendable
    private func list(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        var status: CircleStatus?
        let query = try PageQuery(
            request.uri.queryParameters, decode: DirectoryCursor.decode,
            other: { name, value in
                guard name == "status" else { return "is not a parameter of this route" }
                status = CircleStatus(rawValue: value)
                return status == nil ? "must be scheduled, live or ended" : nil
            })
        let views = try await store.directory(
            status: status, limit: query.limit + 1, after: query.position, for: context.caller)
        let page = views.prefix(query.limit)
        let next = views.count > query.limit ? page.last?.circle : nil
        return JSON.response(
            PageBody(
                circles: page.map { CircleBody($0) },
                nextCursor: next.map {
                    DirectoryCursor.encode(
                        DirectoryPosition(startAt: $0.details.startAt, circleID: $0.circleID))
                }))
    }

    @Sendable
    private func show(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let view = try await store.circle(context.circleID, for: context.caller)
        return CircleTag.response(
            CircleBody(view), version: view.circle.version, readerHas: request.headers)
    }
}
