import CircleStore
import Database
import Domain
import Foundation
import HTTPTypes
import Hummingbird

/// An error as clients see it: `application/problem+json` with a stable `code`.
/// Source: RFC 9457.
struct Problem: Error {
    let status: HTTPResponse.Status
    let code: String
    let title: String
    var detail: String?
    var fields: [FieldError] = []
    var headers: HTTPFields = [:]

    struct FieldError: Encodable, Sendable, Equatable {
        let field: String
        let message: String
    }

    init(
        _ status: HTTPResponse.Status, _ code: String, _ title: String, detail: String? = nil
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
    }

    private struct Document: Encodable {
        let type: String
        let title: String
        let status: Int
        let code: String
        let detail: String?
        let errors: [FieldError]?
        let requestId: String
    }

    func response(requestID: String) -> Response {
        let document = Document(
            type: "urn:circles:problem:\(code)", title: title, status: status.code, code: code,
            detail: detail, errors: fields.isEmpty ? nil : fields, requestId: requestID)
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSON.encode(document))))
    }
}

extension Problem {
    static func validation(_ fields: [FieldError]) -> Problem {
        var problem = Problem(
            .unprocessableContent, "validation_failed", "The request has invalid fields")
        problem.fields = fields
        problem.detail = fields.map { "\($0.field): \($0.message)" }.joined(separator: "; ")
        return problem
    }

    static let malformedJSON = Problem(
        .badRequest, "malformed_json", "The body is not a JSON object in UTF-8")
    static let bodyTooLarge = Problem(
        .contentTooLarge, "body_too_large", "The body is larger than \(JSON.bodyByteCountMax) bytes"
    )
    static let unsupportedMediaType = Problem(
        .unsupportedMediaType, "unsupported_media_type", "The body must be application/json")
    static let routeNotFound = Problem(.notFound, "route_not_found", "No such route")
    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        var problem = Problem(
            .methodNotAllowed, "method_not_allowed", "The route does not take this method")
        problem.headers[.allow] = allowed.map(\.rawValue).joined(separator: ", ")
        return problem
    }

    static let internalError = Problem(
        .internalServerError, "internal_error", "Something went wrong on our side")

    static var overloaded: Problem {
        var problem = Problem(
            .serviceUnavailable, "overloaded", "Too much to do at the moment; try again shortly")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    static func unauthorized(_ code: String, _ title: String) -> Problem {
        var problem = Problem(.unauthorized, code, title)
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"circles\", error=\"\(code)\""
        return problem
    }

    /// The one place where errors from below become problems.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as CommandError: self.init(error)
        case let error as DatabaseError where error.isRetriable: self = .overloaded
        case let error as HTTPError where error.status == .notFound: self = .routeNotFound
        case let error as HTTPError where error.status == .contentTooLarge: self = .bodyTooLarge
        case let error as HTTPError where error.status.kind == .clientError:
            self.init(error.status, "bad_request", error.body ?? "Bad request")
        default: self = .internalError
        }
    }

    private init(_ error: CommandError) {
        let (status, title): (HTTPResponse.Status, String) =
            switch error {
            case .circleNotFound: (.notFound, "No such circle")
            case .forbidden: (.forbidden, "Your role does not allow this")
            case .banned: (.forbidden, "You are banned from this circle")
            case .inviteRequired: (.forbidden, "This circle is for invited members")
            case .circleNotStarted: (.conflict, "The circle has not started")
            case .circleAlreadyStarted: (.conflict, "The circle has started already")
            case .circleEnded: (.conflict, "The circle has ended")
            case .listenersFull: (.conflict, "The audience is full")
            case .speakersFull: (.conflict, "The stage is full")
            case .notAMember: (.conflict, "You are not in this circle")
            case .memberNotFound: (.notFound, "No such member in this circle")
            case .alreadyOnStage: (.conflict, "The member is on stage already")
            case .notOnStage: (.conflict, "The member is not on stage")
            case .targetIsHost: (.forbidden, "The host cannot be moderated")
            case .notInvited: (.conflict, "Nobody has invited you onto the stage")
            case .coHostsFull:
                (.conflict, "A circle has at most \(Limits.coHostCountMax) co-hosts")
            case .targetBanned: (.conflict, "The user is banned from this circle")
            case .reportLimitReached:
                (
                    .tooManyRequests,
                    "A user may send \(Limits.reportsPerUserAndCircle) reports per circle"
                )
            case .creationLimitReached:
                (
                    .tooManyRequests,
                    "A host may create \(Limits.creationsPerHostAndDay) circles in 24 hours"
                )
            }
        self.init(status, error.rawValue, title)
    }
}
