import NIOCore

/// Stands before the HTTP decoder, where bytes come in: counts the connection, bounds the time for
/// a request's head, and swallows what comes after a refusal.
final class ByteWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let progress: RequestProgress
    private let table: ConnectionTable
    /// As it was counted.
    private var address: NetworkAddress?

    init(_ progress: RequestProgress, _ table: ConnectionTable) {
        self.progress = progress
        self.table = table
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { admit(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        admit(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        progress.enter(.lingering)
        if let address { table.leave(address) }
        address = nil
        context.fireChannelInactive()
    }

    private func admit(_ context: ChannelHandlerContext) {
        guard address == nil, let peer = context.remoteAddress?.networkAddress else { return }
        if table.enter(peer) {
            address = peer
        } else {
            ConnectionRefusal.tooMany.count()
            progress.enter(.lingering)
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        switch progress.phase {
        case .lingering:
            return
        case .waiting:
            // A head that begins in the last bytes of a request before it is seen with the bytes
            // that follow, or cut off as idle.
            progress.beginHead()
            progress.noteHead(buffer)
            let limit = progress.limits.headSeconds
            progress.schedule(context, at: .now() + .seconds(limit)) {
                ConnectionRefusal.headTimeout.count()
                context.close(promise: nil)
            }
        case .head:
            progress.noteHead(buffer)
        case .body:
            break
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .lingering = progress.phase {
            // Nobody behind us asks for more.
            context.read()
            return
        }
        context.fireChannelReadComplete()
    }
}
