import Domain
import HTTPTypes

/// The `code` of each problem that the HTTP face itself tells; those of commands are
/// `CommandError`. Codes are for good: clients branch on them. docs/problems.md says of each when
/// it occurs and what to do, and a test holds that page against this list.
enum ProblemCode: String, CaseIterable, Sendable {
    case malformedPath = "malformed_path"
    case routeNotFound = "route_not_found"
    case methodNotAllowed = "method_not_allowed"
    case badRequest = "bad_request"
    case requestIncomplete = "request_incomplete"

    case apiKeyMissing = "api_key_missing"
    case apiKeyInvalid = "api_key_invalid"
    case insufficientScope = "insufficient_scope"
    case tokenMissing = "token_missing"
    case tokenMalformed = "token_malformed"
    case tokenInvalid = "token_invalid"
    case tokenExpired = "token_expired"

    case malformedJSON = "malformed_json"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case validationFailed = "validation_failed"

    case preconditionMalformed = "precondition_malformed"
    case preconditionFailed = "precondition_failed"

    case idempotencyKeyInvalid = "idempotency_key_invalid"
    case idempotencyKeyInUse = "idempotency_key_in_use"
    case idempotencyKeyReused = "idempotency_key_reused"

    case rateLimited = "rate_limited"
    case overloaded = "overloaded"
    case internalError = "internal_error"

    var status: HTTPResponse.Status {
        switch self {
        case .malformedPath, .badRequest, .requestIncomplete, .malformedJSON,
            .preconditionMalformed, .idempotencyKeyInvalid:
            .badRequest
        case .apiKeyMissing, .apiKeyInvalid, .tokenMissing, .tokenMalformed, .tokenInvalid,
            .tokenExpired:
            .unauthorized
        case .insufficientScope: .forbidden
        case .routeNotFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .idempotencyKeyInUse: .conflict
        case .preconditionFailed: .preconditionFailed
        case .bodyTooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .validationFailed, .idempotencyKeyReused: .unprocessableContent
        case .rateLimited: .tooManyRequests
        case .internalError: .internalServerError
        case .overloaded: .serviceUnavailable
        }
    }
}
