import CircleStore
import Domain
import HTTPTypes
import Hummingbird

/// Who speaks and who runs a circle: promotion, invitations, moderation, co-hosts, reports.
struct StageRoutes: Sendable {
    let store: CircleStore
    let admissions: Admissions

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("circles/{id}/promote", [.post: promote])
        group.serve(
            "circles/{id}/invitation", [.post: acceptInvitation, .delete: declineInvitation])
        group.serve("circles/{id}/actions", [.post: act])
        group.serve("circles/{id}/co-hosts/{uid}", [.put: addCoHost, .delete: removeCoHost])
        group.serve("circles/{id}/reports", [.post: report])
    }

    /// 202 when the listener has been asked and the answer is theirs.
    @Sendable
    private func promote(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let circleID = try context.circleID
        var fields = try await JSON.fields(of: request)
        let uid = fields.uid("uid")
        _ = fields.required("uid", uid)
        try fields.finish()
        let seat = try await store.promote(uid ?? "", in: circleID, by: context.caller)
        return JSON.response(SeatBody(seat), status: seat.role.isOnStage ? .ok : .accepted)
    }

    @Sendable
    private func acceptInvitation(_ request: Request, _ context: CirclesRequestContext)
        async throws -> Response
    {
        try await JSON.requireEmpty(request)
        let caller = try context.caller
        let admission = try await store.acceptInvitation(in: context.circleID, by: caller)
        return JSON.response(admissions.body(of: admission, for: caller))
    }

    @Sendable
    private func declineInvitation(_ request: Request, _ context: CirclesRequestContext)
        async throws -> Response
    {
        try await JSON.requireEmpty(request)
        try await store.declineInvitation(in: context.circleID, by: context.caller)
        return Response(status: .noContent)
    }

    @Sendable
    private func act(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let circleID = try context.circleID
        var fields = try await JSON.fields(of: request)
        let action = try ModerationAction(&fields)
        let caller = try context.caller
        switch action.kind {
        case .mute:
            let seat = try await store.mute(action.uid, in: circleID, by: caller)
            return JSON.response(SeatBody(seat))
        case .unmute:
            let seat = try await store.unmute(action.uid, in: circleID, by: caller)
            // Still muted: the member has been asked.
            return JSON.response(SeatBody(seat), status: seat.isMuted ? .accepted : .ok)
        case .demote:
            return JSON.response(
                SeatBody(try await store.demote(action.uid, in: circleID, by: caller)))
        case .kick:
            try await store.kick(
                action.uid, in: circleID, reason: action.reason, bans: action.bans, by: caller)
            return Response(status: .noContent)
        }
    }

    @Sendable
    private func addCoHost(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        let circle = try await store.addCoHost(
            try context.uid, to: context.circleID, by: context.caller)
        return CircleTag.response(CircleBody(circle), version: circle.version)
    }

    @Sendable
    private func removeCoHost(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        let circle = try await store.removeCoHost(
            try context.uid, from: context.circleID, by: context.caller)
        return CircleTag.response(CircleBody(circle), version: circle.version)
    }

    private struct ReportBody: Encodable {
        let reportId: EventID
    }

    @Sendable
    private func report(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let circleID = try context.circleID
        var fields = try await JSON.fields(of: request)
        let uid = fields.uid("uid")
        let category: ReportCategory? = fields.choice("category")
        let comment = fields.string(
            "comment", characterCount: 0...Limits.reportCommentCharacterCountMax)
        _ = fields.required("uid", uid)
        _ = fields.required("category", category)
        try fields.finish()
        guard let uid, let category else { throw Problem.internalError }  // finish() has thrown
        let reportID = try await store.report(
            UserReport(uid: uid, category: category, comment: comment ?? ""),
            id: context.creationID, in: circleID, by: context.caller)
        return JSON.response(ReportBody(reportId: reportID), status: .created)
    }
}
