import Domain
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOHTTP1
import Synchronization

extension HTTPField.Name {
    static let apiKey = Self("X-API-Key")!  // a valid field name
    static let requestID = Self("X-Request-Id")!  // a valid field name
}

/// Gives each request an id, takes over the client's if it is sane, and returns it.
struct RequestIdentification: RouterMiddleware {
    let clock: any WallClock

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let given = request.headers[.requestID]
        context.requestID =
            given.flatMap { isSane($0) ? $0 : nil } ?? EventID(now: clock.now()).description
        var response = try await next(request, context)
        response.headers[.requestID] = context.requestID
        return response
    }

    private func isSane(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }
}

/// Turns every error into a problem document.
struct ProblemDocuments: RouterMiddleware {
    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPParserError {
            // What the client sends is no HTTP any more: the connection ends, without a document.
            throw error
        } catch {
            var problem = Problem(error)
            context.rates.add(to: &problem.headers)
            if problem.status.kind == .serverError {
                context.logger.error(
                    "request failed",
                    metadata: [
                        "path": "\(request.uri.path)", "error": "\(error)",
                        "request_id": "\(context.requestID)",
                    ])
            }
            Counter(label: "circles_api_problems_total", dimensions: [("code", problem.code)])
                .increment()
            return problem.response(requestID: context.requestID)
        }
    }
}

/// Refuses requests past a number that are being answered at once.
struct ConcurrencyLimit: RouterMiddleware {
    private let limit: Int
    private let active = ActiveCount()

    init(_ limit: Int) {
        self.limit = limit
    }

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        guard active.enter(limit: limit) else { throw Problem.overloaded }
        defer { active.leave() }
        return try await next(request, context)
    }

    private final class ActiveCount: Sendable {
        private let count = Atomic<Int>(0)

        func enter(limit: Int) -> Bool {
            if count.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
            leave()
            return false
        }

        func leave() {
            count.wrappingSubtract(1, ordering: .relaxed)
        }
    }
}
