import CircleStore
import Domain
import Foundation
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

    /// The circle that the path names; one that is no id names no circle.
    var circleID: CircleID {
        get throws {
            guard let circleID = parameters.get("id").flatMap({ CircleID($0) }) else {
                throw CommandError.circleNotFound
            }
            return circleID
        }
    }

    /// The user that the path names.
    var uid: String {
        get throws {
            guard let uid = parameters.get("uid")?.removingPercentEncoding, isUID(uid) else {
                throw Problem.validation([
                    .init(
                        field: "uid",
                        message: "must be a uid of 1 to 128 printable ASCII characters"
                    )
                ])
            }
            return uid
        }
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
