import CircleStore
import Hummingbird
import NIOCore

/// What travels with a request through the middleware.
struct CirclesRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by `Authentication`; every route under `/v1` has it.
    var identity: Identity?
    var requestID: String
    /// The client's connection.
    let channel: any Channel

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
        requestID = ""
    }

    /// The caller of a command.
    var caller: Caller {
        get throws {
            guard let identity else {
                throw Problem.unauthorized("token_missing", "A bearer token is required")
            }
            return Caller(uid: identity.uid, email: identity.email, traceID: requestID)
        }
    }
}
