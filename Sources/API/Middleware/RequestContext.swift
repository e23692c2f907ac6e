import CircleStore
import Domain
import Hummingbird
import NIOCore

/// What travels with a request through the middleware.
struct CirclesRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by `Authentication`; every route under `/v1` has it.
    var identity: Identity?
    var requestID: String
    /// For what the request creates; set for a request with an `Idempotency-Key`.
    var creationID: EventID?
    /// Where the connection comes from; the client itself or a proxy.
    let peer: SocketAddress?
    /// What the rate limits said of this request.
    let rates = RateReport()

    init(source: Source) {
        coreContext = .init(source: source)
        requestID = ""
        peer = source.channel.remoteAddress
    }

    /// The caller of a command.
    var caller: Caller {
        get throws {
            guard let identity else {
                throw Problem.unauthorized(.tokenMissing, "A bearer token is required")
            }
            return Caller(uid: identity.uid, email: identity.email, traceID: requestID)
        }
    }
}
