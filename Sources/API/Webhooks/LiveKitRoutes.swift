import CircleStore
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import Metrics
import NIOCore

/// `POST /v1/webhooks/livekit`: what a hosted LiveKit tells of its participants becomes events of
/// ours, each once.
struct LiveKitRoutes: Sendable {
    /// `nil` where no hosted LiveKit is configured: then nothing is here.
    let webhooks: LiveKitWebhooks?
    let store: CircleStore
    let clock: any WallClock

    static let mediaType = "application/webhook+json"
    static let bodyByteCountMax = 64 << 10

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("webhooks/livekit", [.post: receive])
    }

    private struct Receipt: Encodable {
        let outcome: String
    }

    @Sendable
    private func receive(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        guard let webhooks else { throw Problem.routeNotFound }
        let type = request.headers[.contentType] ?? ""
        guard type.prefix(while: { $0 != ";" }).lowercased().filter({ $0 != " " }) == Self.mediaType
        else { throw Self.unsupportedMediaType }
        let body = try await body(of: request)
        try webhooks.verify(
            authorization: request.headers[.authorization], body: body, now: clock.now())
        guard let message = try? JSONDecoder().decode(LiveKitMessage.self, from: Data(body)),
            Limits.isName(message.id, byteCount: LiveKitMessage.idByteCount)
        else { throw Problem.malformedJSON }
        let outcome = try await take(message, traceID: context.requestID)
        Counter(
            label: "circles_api_webhooks_total",
            dimensions: [("event", message.eventLabel), ("outcome", outcome)]
        ).increment()
        // Always 200: LiveKit would only send again what we cannot use.
        return JSON.response(Receipt(outcome: outcome))
    }

    private func take(_ message: LiveKitMessage, traceID: String) async throws -> String {
        guard message.isAboutMedia else { return "ignored" }
        guard let report = message.report else { return MediaReportOutcome.unknown.rawValue }
        return try await store.record(report, traceID: traceID).rawValue
    }

    private func body(of request: Request) async throws -> [UInt8] {
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard length <= Self.bodyByteCountMax else { throw Problem.bodyTooLarge }
        do {
            return Array(buffer: try await request.body.collect(upTo: Self.bodyByteCountMax))
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
    }

    private static let unsupportedMediaType = Problem(
        .unsupportedMediaType, "The body must be \(mediaType)")
}
