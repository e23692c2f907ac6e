import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Hummingbird's HTTP/1 connection, with limits on what a client may take its time for: Hummingbird
/// itself closes only connections on which no part of a request arrived for a while.
struct GuardedChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let limits: ConnectionLimits
    private let table: ConnectionTable

    init(_ base: HTTP1Channel, _ limits: ConnectionLimits, _ table: ConnectionTable) {
        self.base = base
        self.limits = limits
        self.table = table
    }

    /// Builds such connections for a server, which share their count by address.
    static func server(_ configuration: APIServer.Configuration) -> HTTPServerBuilder {
        var limits = configuration.connectionLimits
        limits.headByteCountMax = configuration.headerByteCountMax
        let table = ConnectionTable(limits)
        return HTTPServerBuilder { [limits] responder in
            GuardedChannel(
                HTTP1Channel(
                    responder: responder,
                    configuration: .init(
                        idleTimeout: .seconds(75),
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: configuration.headerByteCountMax,
                            maxHeaderListSize: configuration.headerByteCountMax,
                            maxHeaderFieldCount: 100))),
                limits, table)
        }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.context(
                handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let progress = RequestProgress(limits)
            try pipeline.addHandler(
                RequestWatch(progress), position: .after(decoder.handler))
            try pipeline.addHandler(ByteWatch(progress, table), position: .first)
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
