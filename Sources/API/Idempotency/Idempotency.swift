import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOCore

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key")!  // a valid field name
    static let idempotencyReplayed = Self("Idempotency-Replayed")!  // a valid field name
}

/// Answers a POST with an `Idempotency-Key` once: its retries get the stored answer byte for
/// byte, the first one's `requestId` and media token included. Without the header it does nothing.
///
/// The key is the user's: two users never meet in one. What a request creates gets the id that
/// was chosen when the key was first claimed (`context.creationID`), so a claim that is taken over
/// after a crash does not create a second one.
/// Source: draft-ietf-httpapi-idempotency-key-header-07.
struct Idempotency: RouterMiddleware {
    let store: IdempotencyStore

    init(store: IdempotencyStore) {
        self.store = store
    }

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .post, request.headers.contains(.idempotencyKey) else {
            return try await next(request, context)
        }
        let key = try IdempotencyKey(request.headers[values: .idempotencyKey])
        let uid = try context.caller.uid
        var request = request
        let body = try await JSON.bytes(of: request)
        request.body = RequestBody(buffer: ByteBuffer(bytes: body))
        let claim = try await store.claim(
            key, uid: uid, fingerprint: Self.fingerprint(request, body))
        switch claim {
        case .granted(let ticket):
            count(ticket.attempt == 1 ? "claimed" : "taken_over")
            return try await run(request, context, ticket, next)
        case .answered(let answer):
            count("replayed")
            var response = answer.response
            response.headers[.idempotencyReplayed] = "true"
            return response
        case .inUse(let seconds):
            count("in_use")
            throw Problem(.idempotencyKeyInUse, "A request with this key is being answered")
                .retryable(afterSeconds: seconds)
        case .reused:
            count("reused")
            throw Problem(.idempotencyKeyReused, "The key was used for another request")
        }
    }

    private func run(
        _ request: Request, _ context: CirclesRequestContext, _ ticket: IdempotencyStore.Ticket,
        _ next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.creationID = ticket.entityID
        do {
            let response = try await next(request, context)
            let answer =
                StoredAnswer.isKept(response.status) ? try await StoredAnswer(response) : nil
            await finish(ticket, answer, context)
            return response
        } catch {
            let problem = Problem(error)
            var answer: StoredAnswer?
            if StoredAnswer.isKept(problem.status) {
                // As `ProblemDocuments` is about to write it.
                answer = try await StoredAnswer(problem.response(requestID: context.requestID))
            }
            await finish(ticket, answer, context)
            throw error
        }
    }

    /// Stores the answer or, when there is none to keep, releases the claim. When that fails the
    /// command has run all the same, so its client gets the answer; a retry waits for the lock's
    /// end and runs again, with the same id.
    private func finish(
        _ ticket: IdempotencyStore.Ticket, _ answer: StoredAnswer?,
        _ context: CirclesRequestContext
    ) async {
        do {
            if let answer {
                if try await !store.store(answer, for: ticket) { count("superseded") }
            } else {
                try await store.release(ticket)
            }
        } catch {
            count("not_stored")
            context.logger.warning(
                "an answer could not be kept for its idempotency key",
                metadata: ["error": "\(error)", "request_id": "\(context.requestID)"])
        }
    }

    /// SHA-256 of what makes two requests the same. A separator that no part holds keeps
    /// `/a` + `b` apart from `/ab`.
    private static func fingerprint(_ request: Request, _ body: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        let head = "\(request.method.rawValue)\n\(request.uri.path)\n\(request.uri.query ?? "")\n"
        hash.update(data: Data(head.utf8))
        hash.update(data: Data(body))
        return Array(hash.finalize())
    }

    private func count(_ outcome: String) {
        Counter(label: "circles_api_idempotency_total", dimensions: [("outcome", outcome)])
            .increment()
    }
}
