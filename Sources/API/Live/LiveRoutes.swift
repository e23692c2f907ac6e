import CircleStore
import Domain
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPField.Name {
    static let lastEventID = Self("Last-Event-ID")!  // a valid field name
    static let accelBuffering = Self("X-Accel-Buffering")!  // a valid field name
}

/// `GET /v1/circles/{id}/events`: what happens in a circle, as it happens.
struct LiveRoutes: Sendable {
    let store: CircleStore
    let feed: LiveFeed
    let clock: any WallClock

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("circles/{id}/events", [.get: follow])
    }

    @Sendable
    private func follow(
        _ request: Request, _ context: CirclesRequestContext
    ) async throws -> Response {
        guard let circleID = context.parameters.get("id").flatMap({ CircleID($0) }) else {
            throw CommandError.circleNotFound
        }
        let caller = try context.caller
        let sessionID = try Self.sessionID(request.uri.queryParameters)
        let last = try LastEventID.parse(request.headers[.lastEventID])
        let subscription = try LiveSubscription(
            feed.hub, circleID: circleID, uid: caller.uid, sessionID: sessionID)
        let start = try await store.follow(
            circleID, after: last, sessionID: sessionID, for: caller)
        if case .events(let events) = start.content {
            // A client that comes back by itself stops at this status.
            if start.isOver, events.isEmpty { return Response(status: .noContent) }
            feed.metrics.resumes.increment()
        } else {
            feed.metrics.snapshots.increment()
        }
        if !start.isOver { feed.hub.start(subscription.subscriber, after: start.circleSequence) }
        let stream = LiveStream(
            subscription: subscription, start: start, store: store, metrics: feed.metrics,
            clock: clock)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                .accelBuffering: "no",
            ],
            body: ResponseBody { writer in
                try await stream.run(request, context.channel, &writer)
            })
    }

    private static func sessionID(_ parameters: Parameters) throws -> SessionID? {
        var sessionID: SessionID?
        var errors: [Problem.FieldError] = []
        for (name, value) in parameters {
            if name == "sessionId" {
                sessionID = SessionID(value)
                if sessionID == nil {
                    errors.append(.init(field: "sessionId", message: "must be a session's id"))
                }
            } else {
                errors.append(
                    .init(
                        field: String(name.prefix(100)),
                        message: "is not a parameter of this route"))
            }
        }
        guard errors.isEmpty else { throw Problem.validation(errors) }
        return sessionID
    }
}

/// A stream's place, given back when the last who holds it lets go: also when the client has gone
/// before the stream began.
final class LiveSubscription: Sendable {
    let subscriber: LiveSubscriber
    private let hub: LiveHub

    init(_ hub: LiveHub, circleID: CircleID, uid: String, sessionID: SessionID?) throws {
        self.hub = hub
        subscriber = try hub.admit(circleID, uid: uid, sessionID: sessionID)
    }

    deinit {
        hub.remove(subscriber)
    }
}
