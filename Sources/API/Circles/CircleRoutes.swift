import CircleStore
import Domain
import HTTPTypes
import Hummingbird
import Tokens

/// The routes under `/v1/circles`.
struct CircleRoutes: Sendable {
    let store: CircleStore
    let mediaTokens: MediaTokens
    let sfuURL: String
    let uploads: Uploads
    let address: PublicAddress
    let clock: any WallClock

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("circles", [.get: list, .post: create])
        group.serve("circles/{id}", [.get: show, .patch: update, .delete: end])
        group.serve("circles/{id}/join", [.post: join])
        group.serve("circles/{id}/leave", [.post: leave])
        group.serve("circles/{id}/hand-raise", [.post: raiseHand, .delete: lowerHand])
        group.serve("circles/{id}/promote", [.post: promote])
        group.serve("circles/{id}/actions", [.post: act])
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
        let admission = try await store.create(draft, by: caller)
        return JSON.response(
            try await body(of: admission, for: caller), status: .created,
            headers: [.location: "/v1/circles/\(admission.circle.circleID)"])
    }

    @Sendable
    private func update(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let circleID = try circleID(context)
        var fields = try await JSON.fields(of: request)
        fields.coverURLPrefix = uploads.coverURLPrefix(address)
        let patch = try CirclePatch(&fields, now: clock.now())
        return JSON.response(
            CircleBody(try await store.update(circleID, patch, by: context.caller)))
    }

    @Sendable
    private func end(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        JSON.response(CircleBody(try await store.end(circleID(context), by: context.caller)))
    }

    // MARK: Reading

    @Sendable
    private func list(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let query = try DirectoryQuery(request.uri.queryParameters)
        let views = try await store.directory(
            status: query.status, limit: query.limit + 1, after: query.position,
            for: context.caller)
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
        JSON.response(CircleBody(try await store.circle(circleID(context), for: context.caller)))
    }

    // MARK: Presence

    @Sendable
    private func join(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        try await requireEmpty(request)
        let caller = try context.caller
        let admission = try await store.join(circleID(context), by: caller)
        return JSON.response(try await body(of: admission, for: caller))
    }

    @Sendable
    private func leave(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await requireEmpty(request)
        try await store.leave(circleID(context), by: context.caller)
        return Response(status: .noContent)
    }

    private struct PositionBody: Encodable {
        let position: Int
    }

    @Sendable
    private func raiseHand(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await requireEmpty(request)
        let position = try await store.raiseHand(circleID(context), by: context.caller)
        return JSON.response(PositionBody(position: position))
    }

    @Sendable
    private func lowerHand(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await requireEmpty(request)
        try await store.lowerHand(circleID(context), by: context.caller)
        return Response(status: .noContent)
    }

    // MARK: Moderation

    @Sendable
    private func promote(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let circleID = try circleID(context)
        var fields = try await JSON.fields(of: request)
        let uid = fields.uid("uid")
        _ = fields.required("uid", uid)
        try fields.finish()
        let seat = try await store.promote(uid ?? "", in: circleID, by: context.caller)
        return JSON.response(SeatBody(seat))
    }

    @Sendable
    private func act(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let circleID = try circleID(context)
        var fields = try await JSON.fields(of: request)
        let action = try ModerationAction(&fields)
        let caller = try context.caller
        switch action.kind {
        case .mute, .unmute:
            let seat = try await store.setMuted(
                action.kind == .mute, action.uid, in: circleID, by: caller)
            return JSON.response(SeatBody(seat))
        case .demote:
            return JSON.response(
                SeatBody(try await store.demote(action.uid, in: circleID, by: caller)))
        case .kick:
            try await store.kick(
                action.uid, in: circleID, reason: action.reason, bans: action.bans, by: caller)
            return Response(status: .noContent)
        }
    }

    // MARK: Parts

    private func circleID(_ context: CirclesRequestContext) throws -> CircleID {
        guard let circleID = context.parameters.get("id").flatMap({ CircleID($0) }) else {
            throw CommandError.circleNotFound
        }
        return circleID
    }

    /// For commands without parameters: no body, or an empty object.
    private func requireEmpty(_ request: Request) async throws {
        var fields = try await JSON.fields(of: request, mayBeEmpty: true)
        try fields.finish()
    }

    private func body(of admission: Admission, for caller: Caller) async throws -> AdmissionBody {
        let circle = admission.circle
        let role = admission.seat?.role ?? .host
        let minted = try await mediaTokens.mint(
            MediaGrant(
                uid: caller.uid, circleID: circle.circleID, sessionID: admission.seat?.sessionID,
                role: role),
            now: clock.now())
        return AdmissionBody(
            admission, role: role, token: minted.token, expiresAt: minted.expiresAt,
            media: MediaURLs(admission, fixedURL: sfuURL))
    }
}

/// The query of `GET /circles`.
private struct DirectoryQuery {
    var status: CircleStatus?
    var limit = Limits.pageSizeDefault
    var position: DirectoryPosition?

    init(_ parameters: Parameters) throws {
        var errors: [Problem.FieldError] = []
        for (name, value) in parameters {
            switch name {
            case "status":
                status = CircleStatus(rawValue: String(value))
                if status == nil {
                    errors.append(
                        .init(field: "status", message: "must be scheduled, live or ended"))
                }
            case "limit":
                let number = Int(value)
                if let number, Limits.pageSize.contains(number) {
                    limit = number
                } else {
                    errors.append(
                        .init(
                            field: "limit",
                            message:
                                "must be from \(Limits.pageSize.lowerBound) to \(Limits.pageSize.upperBound)"
                        ))
                }
            case "startAfter":
                position = DirectoryCursor.decode(String(value))
                if position == nil {
                    errors.append(
                        .init(field: "startAfter", message: "must be a nextCursor of this route"))
                }
            default:
                errors.append(
                    .init(
                        field: String(name.prefix(100)), message: "is not a parameter of this route"
                    ))
            }
        }
        guard errors.isEmpty else { throw Problem.validation(errors) }
    }
}
