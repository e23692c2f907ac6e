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

    case malformedLastEventID = "malformed_last_event_id"
    case tooManyStreams = "too_many_streams"

    case unsupportedImage = "unsupported_image"
    case imageTooLarge = "image_too_large"
    case uploadSignatureInvalid = "upload_signature_invalid"
    case uploadExpired = "upload_expired"
    case uploadIncomplete = "upload_incomplete"
    case uploadTooSlow = "upload_too_slow"
    case uploadAlreadyUsed = "upload_already_used"
    case coverNotFound = "cover_not_found"
    case uploadStorageFull = "upload_storage_full"

    case webhookSignatureInvalid = "webhook_signature_invalid"
    case webhookExpired = "webhook_expired"

    case unsubscribeLinkInvalid = "unsubscribe_link_invalid"

    case docsNotInstalled = "docs_not_installed"

    case rateLimited = "rate_limited"
    case overloaded = "overloaded"
    case internalError = "internal_error"

    var status: HTTPResponse.Status {
        switch self {
        case .malformedPath, .badRequest, .requestIncomplete, .malformedJSON,
            .preconditionMalformed, .idempotencyKeyInvalid, .malformedLastEventID:
            .badRequest
        case .apiKeyMissing, .apiKeyInvalid, .tokenMissing, .tokenMalformed, .tokenInvalid,
            .tokenExpired, .webhookSignatureInvalid, .webhookExpired:
            .unauthorized
        case .insufficientScope, .uploadSignatureInvalid, .uploadExpired: .forbidden
        case .routeNotFound, .coverNotFound, .docsNotInstalled, .unsubscribeLinkInvalid: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .idempotencyKeyInUse, .uploadAlreadyUsed: .conflict
        case .preconditionFailed: .preconditionFailed
        case .bodyTooLarge, .imageTooLarge: .contentTooLarge
        case .unsupportedMediaType, .unsupportedImage: .unsupportedMediaType
        case .validationFailed, .idempotencyKeyReused, .uploadIncomplete: .unprocessableContent
        case .uploadTooSlow: .requestTimeout
        case .uploadStorageFull: .init(code: 507, reasonPhrase: "Insufficient Storage")
        case .rateLimited, .tooManyStreams: .tooManyRequests
        case .internalError: .internalServerError
        case .overloaded: .serviceUnavailable
        }
    }
}
