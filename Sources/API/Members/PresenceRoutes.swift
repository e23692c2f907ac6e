import CircleStore
import Domain
import HTTPTypes
import Hummingbird

/// Being in a circle: join, leave, hands, RSVPs.
struct PresenceRoutes: Sendable {
    let store: CircleStore
    let admissions: Admissions

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("circles/{id}/join", [.post: join])
        group.serve("circles/{id}/token", [.post: renewToken])
        group.serve("circles/{id}/leave", [.post: leave])
        group.serve("circles/{id}/hand-raise", [.post: raiseHand, .delete: lowerHand])
        group.serve("circles/{id}/rsvp", [.put: makeRSVP, .delete: withdrawRSVP])
    }

    @Sendable
    private func join(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        var fields = try await JSON.fields(of: request, mayBeEmpty: true)
        let deviceID = fields.name("deviceId", byteCount: Limits.deviceIDByteCount)
        try fields.finish()
        let caller = try context.caller
        let admission = try await store.join(context.circleID, deviceID: deviceID, by: caller)
        return JSON.response(admissions.body(of: admission, for: caller))
    }

    @Sendable
    private func renewToken(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        let caller = try context.caller
        let admission = try await store.renew(context.circleID, by: caller)
        return JSON.response(admissions.body(of: admission, for: caller))
    }

    @Sendable
    private func leave(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        try await store.leave(context.circleID, by: context.caller)
        return Response(status: .noContent)
    }

    private struct PositionBody: Encodable {
        let position: Int
    }

    @Sendable
    private func raiseHand(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        let position = try await store.raiseHand(context.circleID, by: context.caller)
        return JSON.response(PositionBody(position: position))
    }

    @Sendable
    private func lowerHand(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        try await store.lowerHand(context.circleID, by: context.caller)
        return Response(status: .noContent)
    }

    private struct RSVPBody: Encodable {
        let circleId: CircleID
        let startAt: Timestamp
        let madeAt: Timestamp
    }

    @Sendable
    private func makeRSVP(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        let rsvp = try await store.makeRSVP(context.circleID, by: context.caller)
        return JSON.response(
            RSVPBody(circleId: rsvp.circleID, startAt: rsvp.startAt, madeAt: rsvp.madeAt))
    }

    @Sendable
    private func withdrawRSVP(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        try await store.withdrawRSVP(context.circleID, by: context.caller)
        return Response(status: .noContent)
    }
}
