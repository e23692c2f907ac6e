import CircleStore
import HTTPTypes
import Hummingbird
import NIOCore
import Tokens

/// `/v1/unsubscribe/{token}`: the link in each mail. GET shows a page with a button and changes
/// nothing, because scanners of mail open every link; POST, by that button or by the mail client
/// itself, stops the mail.
/// Source: RFC 8058.
struct UnsubscribeRoutes: Sendable {
    /// `nil` without a secret: then nothing is here.
    let tokens: UnsubscribeTokens?
    let store: CircleStore

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("unsubscribe/{token}", [.get: show, .head: head, .post: unsubscribe])
    }

    private func request(_ context: CirclesRequestContext) throws(Problem)
        -> UnsubscribeTokens
        .Request
    {
        guard let tokens else { throw .routeNotFound }
        guard let request = context.parameters.get("token").flatMap({ tokens.request(of: $0) })
        else { throw .unsubscribeLinkInvalid }
        return request
    }

    @Sendable
    private func show(_: Request, _ context: CirclesRequestContext) async throws -> Response {
        let request = try request(context)
        let isDone = try await store.hasUnsubscribed(request.uid, from: request.kind)
        return Self.response(isDone ? .done : .question)
    }

    @Sendable
    private func head(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        try await show(request, context).createHeadResponse()
    }

    @Sendable
    private func unsubscribe(
        _ request: Request, _ context: CirclesRequestContext
    ) async throws -> Response {
        let link = try self.request(context)
        // What it says is known: `List-Unsubscribe=One-Click`. The method and the token count.
        do {
            _ = try await request.body.collect(upTo: JSON.bodyByteCountMax)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
        try await store.unsubscribe(link.uid, from: link.kind)
        return Self.response(.done)
    }

    // MARK: The page

    private enum Page {
        case question
        case done
    }

    private static func response(_ page: Page) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy: """
                default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                base-uri 'none'; frame-ancestors 'none'
                """,
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: html(page))))
    }

    /// Nothing of the request is in it.
    private static func html(_ page: Page) -> String {
        let content =
            switch page {
            case .question:
                """
                <h1>No more summaries?</h1>
                <p>After each of your circles we send you one e-mail with its numbers.</p>
                <form method="post">
                <input type="hidden" name="List-Unsubscribe" value="One-Click">
                <button>Send me no more</button>
                </form>
                """
            case .done:
                """
                <h1>Done</h1>
                <p>You get no more summaries of your circles by e-mail.</p>
                """
            }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex">
            <title>Summaries by e-mail</title>
            <style>
            :root { color-scheme: light dark; }
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto 0;
                padding: 0 1.25rem; }
            h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
            button { font: inherit; font-weight: 600; padding: .6rem 1.2rem; border: 0;
                border-radius: .5rem; background: #0b6bb0; color: #fff; cursor: pointer; }
            </style>
            </head>
            <body>
            \(content)
            </body>
            </html>

            """
    }
}

extension Problem {
    static let unsubscribeLinkInvalid = Problem(
        .unsubscribeLinkInvalid, "The link is not one of ours, or is not whole")
}
