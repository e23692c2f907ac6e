import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RTC
import Tokens

/// An error of signalling as clients see it: `application/problem+json` with a stable `code`.
/// Source: RFC 9457.
struct SignallingProblem: Error {
    let status: HTTPResponse.Status
    let code: String
    let title: String
    var headers: HTTPFields = [:]

    private init(_ status: HTTPResponse.Status, _ code: String, _ title: String) {
        self.status = status
        self.code = code
        self.title = title
    }

    private struct Document: Encodable {
        let type: String
        let title: String
        let status: Int
        let code: String
    }

    func response() -> Response {
        let document = Document(
            type: "urn:circles:problem:\(code)", title: title, status: status.code, code: code)
        var headers = headers
        headers[.contentType] = "application/problem+json"
        // Plain values always encode.
        let body = (try? JSONEncoder().encode(document)) ?? Data()
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    static let routeNotFound = Self(.notFound, "route_not_found", "No such route")
    static let circleNotLive = Self(.notFound, "circle_not_live", "No such live circle")
    static let noSuchResource = Self(.notFound, "resource_not_found", "No such media resource")
    static let sessionOver = Self(
        .forbidden, "session_over", "The token's member session holds no seat; join again")
    static let notASpeaker = Self(
        .forbidden, "not_a_speaker", "Only who is on stage may speak; join again after a promotion")
    static let wrongCircle = Self(
        .forbidden, "token_other_circle", "The token is for another circle")
    static let unsupportedMediaType = Self(
        .unsupportedMediaType, "unsupported_media_type",
        "The body must be application/sdp, or application/trickle-ice-sdpfrag for PATCH")
    static let bodyTooLarge = Self(
        .contentTooLarge, "body_too_large", "The description is larger than 64 KiB")
    static let preconditionRequired = Self(
        .preconditionRequired, "precondition_required", "If-Match with the ETag is required")
    static let preconditionFailed = Self(
        .preconditionFailed, "precondition_failed", "The ICE session has changed")
    static let internalError = Self(
        .internalServerError, "internal_error", "Something went wrong on our side")

    static var overloaded: Self {
        var problem = Self(.serviceUnavailable, "overloaded", "No room at the moment; try again")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    static func malformed(_ what: String) -> Self {
        Self(.badRequest, "malformed_description", "The description cannot be read: \(what)")
    }

    static func offerRefused(_ why: String) -> Self {
        Self(.unprocessableContent, "offer_refused", "The offer cannot be answered: \(why)")
    }

    static func unauthorized(_ error: MediaTokenError?) -> Self {
        let (code, title) =
            switch error {
            case nil: ("token_missing", "A bearer token is required")
            case .malformed: ("token_malformed", "The bearer token is not a media token")
            case .invalid: ("token_invalid", "The bearer token is not valid")
            case .expired: ("token_expired", "The bearer token has expired")
            case .noSeat: ("token_without_seat", "The bearer token was made before its seat")
            }
        var problem = Self(error == .noSeat ? .forbidden : .unauthorized, code, title)
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"circles\", error=\"\(code)\""
        return problem
    }

    /// The one place where errors from below become problems.
    init(_ error: any Error) {
        switch error {
        case let problem as SignallingProblem: self = problem
        case let error as MediaTokenError: self = .unauthorized(error)
        case let error as SDPParseError: self = .malformed("\(error)")
        case let error as HTTPError where error.status == .notFound: self = .routeNotFound
        case let error as HTTPError where error.status == .contentTooLarge: self = .bodyTooLarge
        case is NIOTooManyBytesError: self = .bodyTooLarge
        case is MediaWorker.Overloaded: self = .overloaded
        default: self = .internalError
        }
    }
}
