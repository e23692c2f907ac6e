import Database
import Domain
import Hummingbird
import Testing

@testable import API

@Suite("Problem (RFC 9457)")
struct ProblemTests {
    /// The status of every refusal, as the API's documentation promises it.
    private static let statuses: [CommandError: Int] = [
        .circleNotFound: 404, .forbidden: 403, .banned: 403, .inviteRequired: 403,
        .circleNotStarted: 409, .circleAlreadyStarted: 409, .circleEnded: 409,
        .listenersFull: 409, .speakersFull: 409, .notAMember: 409, .memberNotFound: 404,
        .alreadyOnStage: 409, .notOnStage: 409, .targetIsHost: 403, .creationLimitReached: 429,
        .notInvited: 409, .coHostsFull: 409, .targetBanned: 409, .reportLimitReached: 429,
    ]

    @Test(
        "every refusal has its status, and its raw value as its code",
        arguments: CommandError.allCases)
    func mapsCommandErrors(error: CommandError) throws {
        let problem = Problem(error)
        #expect(problem.code == error.rawValue)
        #expect(problem.status.code == (try #require(Self.statuses[error])))
        #expect(!problem.title.isEmpty)
        #expect(problem.fields.isEmpty)
    }

    @Test("codes are stable: lower-case words, each once")
    func codesAreStable() {
        let codes = CommandError.allCases.map { Problem($0).code }
        #expect(Set(codes).count == CommandError.allCases.count)
        for code in codes {
            #expect(code.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") }, "\(code)")
        }
    }

    @Test("a problem stays the problem that it is")
    func keepsProblems() {
        let problem = Problem(Problem.malformedJSON as any Error)
        #expect(problem.code == "malformed_json")
        #expect(problem.status.code == 400)
    }

    @Test(
        "a database that may recover asks to try again",
        arguments: [
            "CIRCX", "CIRCP", "08006", "40001", "40P01", "53300", "55P03", "57014", "57P01",
        ])
    func mapsTransientFailures(code: String) {
        let problem = Problem(
            DatabaseError(code: code, message: "secret detail", operation: "query"))
        #expect(problem.code == "overloaded")
        #expect(problem.status.code == 503)
        #expect(problem.headers[.retryAfter] == "1")
    }

    @Test(
        "any other failure is ours, and says nothing of its inside",
        arguments: ["23505", "42601", "CIRCD"])
    func mapsOtherFailures(code: String) {
        let problem = Problem(
            DatabaseError(code: code, message: "secret detail", operation: "query"))
        #expect(problem.code == "internal_error")
        #expect(problem.status.code == 500)
        #expect(problem.detail == nil)
        #expect(!problem.title.contains("secret"))
    }

    private struct Odd: Error {}

    @Test("an error that nobody foresaw is ours")
    func mapsUnknownErrors() {
        #expect(Problem(Odd()).code == "internal_error")
        #expect(Problem(CancellationError()).status.code == 500)
    }

    @Test("the router's refusals have codes of their own")
    func mapsHTTPErrors() {
        #expect(Problem(HTTPError(.notFound)).code == "route_not_found")
        #expect(Problem(HTTPError(.contentTooLarge)).code == "body_too_large")
        let other = Problem(HTTPError(.badRequest, message: "a parameter is wrong"))
        #expect(other.code == "bad_request")
        #expect(other.status.code == 400)
        #expect(
            Problem(HTTPError(.internalServerError, message: "secret")).code == "internal_error")
    }

    @Test("a response is a problem document with the problem's status and headers")
    func makesResponses() {
        let response = Problem.unauthorized("token_invalid", "No").response(requestID: "r-1")
        #expect(response.status.code == 401)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(
            response.headers[.wwwAuthenticate]
                == "Bearer realm=\"circles\", error=\"token_invalid\"")
    }

    @Test("invalid fields are listed and told")
    func listsFields() {
        let problem = Problem.validation([
            .init(field: "title", message: "is required"), .init(field: "ban", message: "is odd"),
        ])
        #expect(problem.status.code == 422)
        #expect(problem.code == "validation_failed")
        #expect(problem.fields.map(\.field) == ["title", "ban"])
        #expect(problem.detail == "title: is required; ban: is odd")
    }
}
