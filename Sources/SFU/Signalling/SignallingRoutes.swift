import Domain
import Foundation
import HTTPTypes
import Hummingbird
import RTC
import ServiceLifecycle
import Tokens

/// WHIP (RFC 9725) to speak, WHEP (draft-ietf-wish-whep) to listen, and what both share.
struct SignallingRoutes: Sendable {
    let node: MediaNode
    let tokens: MediaTokens
    let clock: any WallClock

    private static let bodyByteCountMax = 64 << 10
    private static let descriptionType = "application/sdp"
    private static let fragmentType = "application/trickle-ice-sdpfrag"
    private static let heartbeatSeconds = 15
    private static let eventsRelation = "urn:ietf:params:whep:ext:core:server-sent-events"

    func add(to router: Router<BasicRequestContext>) {
        for kind in [MediaResource.Kind.whip, .whep] {
            let path = RouterPath("\(kind.rawValue)/{circle}")
            router.post(path) { try await connect($0, $1, kind) }
            router.get("\(path)/{resource}") { try await show($0, $1) }
            router.patch("\(path)/{resource}") { try await change($0, $1) }
            router.delete("\(path)/{resource}") { try await disconnect($0, $1) }
            router.get("\(path)/{resource}/events") { try await events($0, $1) }
            router.put("\(path)/{resource}/talk") { try await talk($0, $1, true) }
            router.delete("\(path)/{resource}/talk") { try await talk($0, $1, false) }
        }
    }

    // MARK: Routes

    @Sendable
    private func connect(
        _ request: Request, _ context: BasicRequestContext, _ kind: MediaResource.Kind
    ) async throws -> Response {
        let signalledAt = MonotonicTime.now
        let grant = try grant(request, context)
        let offer = try SessionDescription(
            parsing: try await body(of: request, type: Self.descriptionType))
        let resource = try await node.connect(
            grant, kind: kind, offer: offer, signalledAt: signalledAt)
        return Response(
            status: .created,
            headers: [
                .contentType: Self.descriptionType, .location: resource.path,
                .eTag: resource.entityTag,
                HTTPField.Name("Link")!:  // a valid field name
                    "<\(resource.path)/events>; rel=\"\(Self.eventsRelation)\"",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: resource.answer.text)))
    }

    private struct Mapping: Encodable {
        struct Section: Encodable {
            let mid: String
            /// Who is heard there; `null` when nobody is.
            let uid: String?

            enum CodingKeys: CodingKey { case mid, uid }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(mid, forKey: .mid)
                try container.encode(uid, forKey: .uid)
            }
        }

        let sections: [Section]

        init(_ resource: MediaResource, _ uids: [String?]) {
            sections = zip(resource.slotMIDs, uids).map { Section(mid: $0, uid: $1) }
        }

        var json: [UInt8] {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return (try? encoder.encode(self)).map(Array.init) ?? []  // plain values encode
        }
    }

    private func show(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let resource = try await resource(request, context)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .eTag: resource.entityTag],
            body: ResponseBody(
                byteBuffer: ByteBuffer(bytes: Mapping(resource, resource.slotUIDs).json)))
    }

    /// Server-sent events: `mapping` at once and after each change, comments in between.
    private func events(
        _ request: Request, _ context: BasicRequestContext
    ) async throws -> Response {
        let resource = try await resource(request, context)
        let mappings = try await node.watch(resource)
        let heartbeats = Self.heartbeats(until: mappings)
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                for await uids in heartbeats.cancelOnGracefulShutdown() {
                    guard let uids else {
                        try await writer.write(ByteBuffer(string: ": still here\n\n"))
                        continue
                    }
                    let json = String(decoding: Mapping(resource, uids).json, as: UTF8.self)
                    try await writer.write(
                        ByteBuffer(string: "event: mapping\ndata: \(json)\n\n"))
                }
                try await writer.finish(nil)
            })
    }

    /// The mappings, and `nil` whenever none came for a while.
    private static func heartbeats(
        until mappings: AsyncStream<[String?]>
    ) -> AsyncStream<[String?]?> {
        AsyncStream(bufferingPolicy: .bufferingNewest(2)) { continuation in
            let pace = Task {
                while !Task.isCancelled {
                    // Nothing else tells a dead connection from a quiet one.
                    try await Task.sleep(for: .seconds(heartbeatSeconds))
                    continuation.yield(nil)
                }
            }
            let follow = Task {
                for await uids in mappings { continuation.yield(uids) }
                continuation.finish()
            }
            continuation.onTermination = { _ in
                pace.cancel()
                follow.cancel()
            }
        }
    }

    /// Trickled candidates, of which an ICE-lite server needs none, or an ICE restart.
    private func change(
        _ request: Request, _ context: BasicRequestContext
    ) async throws -> Response {
        let resource = try await resource(request, context)
        let fragment = try SDPFragment(
            parsing: try await body(of: request, type: Self.fragmentType))
        guard let condition = request.headers[.ifMatch] else {
            throw SignallingProblem.preconditionRequired
        }
        guard condition == "*" || condition == resource.entityTag else {
            throw SignallingProblem.preconditionFailed
        }
        guard condition == "*", let ufrag = fragment.iceUfrag, fragment.icePwd != nil else {
            return Response(status: .noContent)
        }
        let (answer, entityTag) = try await node.restartICE(resource, remoteUfrag: ufrag)
        return Response(
            status: .ok, headers: [.contentType: Self.fragmentType, .eTag: entityTag],
            body: ResponseBody(byteBuffer: ByteBuffer(string: answer.text)))
    }

    private func disconnect(
        _ request: Request, _ context: BasicRequestContext
    ) async throws -> Response {
        try await node.disconnect(try await resource(request, context))
        return Response(status: .ok)
    }

    private func talk(
        _ request: Request, _ context: BasicRequestContext, _ isTalking: Bool
    ) async throws -> Response {
        await node.setTalking(isTalking, try await resource(request, context))
        return Response(status: .noContent)
    }

    // MARK: Parts

    private func grant(
        _ request: Request, _ context: BasicRequestContext
    ) throws -> MediaGrant {
        guard let token = bearerToken(request.headers[.authorization]) else {
            throw SignallingProblem.unauthorized(nil)
        }
        let grant = try tokens.verify(token, now: clock.now())
        guard let circleID = context.parameters.get("circle").flatMap({ CircleID($0) }) else {
            throw SignallingProblem.circleNotLive
        }
        guard grant.circleID == circleID else { throw SignallingProblem.wrongCircle }
        return grant
    }

    private func resource(
        _ request: Request, _ context: BasicRequestContext
    ) async throws -> MediaResource {
        let grant = try grant(request, context)
        return try await node.resource(context.parameters.get("resource") ?? "", of: grant)
    }

    private func body(of request: Request, type: String) async throws -> [UInt8] {
        let given = request.headers[.contentType]?.split(separator: ";").first
            .map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        guard given == type else { throw SignallingProblem.unsupportedMediaType }
        return Array(buffer: try await request.body.collect(upTo: Self.bodyByteCountMax))
    }
}
