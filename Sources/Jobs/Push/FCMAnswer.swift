import Domain
import Foundation

/// What an answer of `messages:send` means.
///
/// The line between "surely not taken on" and "nobody knows" is drawn by what Google documents:
/// an error in Google's own form says that the message was not accepted. A 5xx in any other form
/// comes from something between, which may have passed the message on.
/// Source: Firebase, REST reference v1, `ErrorCode`; google.rpc.Code.
enum FCMAnswer: Equatable {
    case outcome(PushOutcome)
    /// The access token is not good, or not any more.
    case unauthenticated

    private struct Accepted: Decodable {
        let name: String
    }

    private struct Refused: Decodable {
        let error: Status

        struct Status: Decodable {
            let status: String?
            let details: [Detail]?
        }

        struct Detail: Decodable {
            let type: String?
            let errorCode: String?

            enum CodingKeys: String, CodingKey {
                case type = "@type"
                case errorCode
            }
        }

        var errorCode: String? {
            error.details?.first {
                $0.type == "type.googleapis.com/google.firebase.fcm.v1.FcmError"
            }?.errorCode
        }
    }

    /// - Parameter body: `nil` when it broke off or was too long.
    init(status: Int, retryAfter: String?, body: [UInt8]?, now: Timestamp) {
        let decoder = JSONDecoder()
        // What is not JSON of the expected form is no answer of FCM: the cases below say what then.
        if (200..<300).contains(status) {
            if let body, let accepted = try? decoder.decode(Accepted.self, from: Data(body)),
                !accepted.name.isEmpty
            {
                self = .outcome(.sent(messageName: String(accepted.name.prefix(256))))
            } else {
                self = .outcome(.uncertain(reason: "\(status) without a message's name"))
            }
            return
        }
        let refused = body.flatMap { try? decoder.decode(Refused.self, from: Data($0)) }
        let code = refused?.errorCode ?? refused?.error.status
        let reason = "\(status) \(code.map(Self.name) ?? "in no form of FCM's")"
        let wait = retryAfter.flatMap { RetryAfter.milliseconds($0, now: now) }
        switch (status, code) {
        case (401, "THIRD_PARTY_AUTH_ERROR"):
            // APNs' key or certificate in the Firebase project is wrong: a person must act.
            self = .outcome(.failed(reason: reason, isTokenDead: false))
        case (401, _):
            self = .unauthenticated
        case (404, "UNREGISTERED"), (403, "SENDER_ID_MISMATCH"):
            // A 404 without this code is a wrong project or address, and no token's fault.
            self = .outcome(.failed(reason: reason, isTokenDead: true))
        case (429, _):
            self = .outcome(
                .rest(
                    reason: reason,
                    waitMilliseconds: wait))
        case (503, .some) where wait != nil:
            self = .outcome(.rest(reason: reason, waitMilliseconds: wait))
        case (500..., .some):
            self = .outcome(.retry(reason: reason, waitMilliseconds: wait))
        case (500..., nil):
            self = .outcome(.uncertain(reason: reason))
        default:
            self = .outcome(.failed(reason: reason, isTokenDead: false))
        }
    }

    /// A code as text of our own: short and printable, whatever came.
    private static func name(_ code: String) -> String {
        String(String.UnicodeScalarView(code.unicodeScalars.filter { $0.isASCII }.prefix(64)))
            .filter { $0.isLetter || $0.isNumber || $0 == "_" }
    }
}
