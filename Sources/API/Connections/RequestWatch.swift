import NIOCore
import NIOHTTP1

/// Stands behind the HTTP decoder: knows when heads and bodies are whole, and answers those that
/// are too large (RFC 6585 §5, RFC 9110 §15.5.15) or too slow (§15.5.9), for which Hummingbird has
/// no answer but 400.
final class RequestWatch: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let progress: RequestProgress
    /// Whether the last answer's head is out and its end is not.
    private var isAnswering = false

    init(_ progress: RequestProgress) {
        self.progress = progress
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            progress.openCount += 1
            progress.beginBody()
            awaitBody(context)
        case .body(let buffer):
            progress.noteBody(buffer.readableBytes)
        case .end:
            progress.enter(.waiting)
        }
        context.fireChannelRead(data)
    }

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        switch unwrapOutboundIn(data) {
        case .head(let head): isAnswering = head.status.code >= 200
        case .body: break
        case .end:
            isAnswering = false
            progress.openCount -= 1
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case HTTPParserError.headerOverflow = error, progress.openCount == 0 else {
            context.fireErrorCaught(error)
            return
        }
        if case .head(hasTarget: false) = progress.phase {
            refuse(context, .uriTooLong, .targetTooLong)
        } else {
            refuse(context, .requestHeaderFieldsTooLarge, .headTooLarge)
        }
    }

    /// Looks again whenever the body should have been whole by what had come of it before.
    private func awaitBody(_ context: ChannelHandlerContext) {
        progress.schedule(context, at: progress.bodyDeadline) { [self] in
            guard progress.bodyDeadline <= .now() else {
                awaitBody(context)
                return
            }
            // Amid an answer, or after it, there is nothing to add.
            if isAnswering || progress.openCount != 1 {
                ConnectionRefusal.bodyTimeout.count()
                context.close(promise: nil)
            } else {
                refuse(context, .requestTimeout, .bodyTimeout)
            }
        }
    }

    /// Answers, ends our side, and closes once the client has had time to read that: to close at
    /// once, with its bytes unread, would reset the connection and take the answer with it.
    private func refuse(
        _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ reason: ConnectionRefusal
    ) {
        reason.count()
        progress.enter(.lingering)
        let head = HTTPResponseHead(
            version: .http1_1, status: status,
            headers: ["Connection": "close", "Content-Length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
        progress.schedule(context, at: .now() + .seconds(progress.limits.lingerSeconds)) {
            context.close(promise: nil)
        }
        context.read()
    }
}
