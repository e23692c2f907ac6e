import AsyncHTTPClient
import Domain
import NIOCore
import NIOSSL

/// Sends pushes through Firebase Cloud Messaging, HTTP v1, over HTTP/2 where the server speaks it.
///
/// FCM knows no idempotency key: a message that is sent again is shown again, at most in the place
/// of the first (`apns-collapse-id`, `tag`) but with its sound. So nothing is sent again whose fate
/// is not known.
public final class FCMClient: PushSender {
    public struct Configuration: Sendable {
        public var account: ServiceAccount
        /// Without a path.
        public var baseURL: String

        public init(account: ServiceAccount, baseURL: String = "https://fcm.googleapis.com") {
            self.account = account
            self.baseURL = baseURL
        }
    }

    /// While there is no access token nothing can be sent: how long the job rests then.
    private static let noTokenMilliseconds: Int64 = 10_000

    private let client: HTTPClient
    private let exchange: HTTPExchange
    private let tokens: AccessTokens
    private let url: String
    private let clock: any WallClock

    /// - Parameter tls: `nil` for the machine's own certificate authorities.
    public init(
        _ configuration: Configuration, clock: any WallClock, tls: TLSConfiguration? = nil,
        timeoutMilliseconds: Int64 = 10_000
    ) {
        let timeout = TimeAmount.milliseconds(timeoutMilliseconds)
        client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: HTTPExchange.configuration(tls: tls, timeout: timeout))
        exchange = HTTPExchange(client: client, timeout: timeout)
        tokens = AccessTokens(account: configuration.account, exchange: exchange, clock: clock)
        let base =
            configuration.baseURL.hasSuffix("/")
            ? String(configuration.baseURL.dropLast()) : configuration.baseURL
        url = "\(base)/v1/projects/\(configuration.account.projectID)/messages:send"
        self.clock = clock
    }

    deinit {
        // Connections that are left are closed in the background; nobody waits for them.
        client.shutdown { _ in }
    }

    /// Whether requests with tokens may go there: `https`, or this machine.
    public static func isURL(_ text: String) -> Bool {
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !text.contains("?"), !text.contains("#")
        else { return false }
        if text.hasPrefix("https://") { return text.utf8.count > 8 }
        return ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"]
            .contains(where: text.hasPrefix)
    }

    public func send(_ push: Push, to target: PushTarget) async -> PushOutcome {
        let body: [UInt8]
        do {
            body = try FCMMessage(push, token: target.token, now: clock.now()).bytes()
        } catch {
            return .failed(reason: "not encodable", isTokenDead: false)
        }
        guard body.count <= FCMMessage.byteCountMax + target.token.utf8.count else {
            return .failed(reason: "longer than FCM takes", isTokenDead: false)
        }
        do {
            let token = try await tokens.token()
            let first = await post(body, token: token)
            guard case .unauthenticated = first else { return outcome(first) }
            // Refused before it was looked at: with another token it is the same first attempt.
            return outcome(await post(body, token: try await tokens.token(insteadOf: token)))
        } catch {
            return .rest(reason: "\(error)", waitMilliseconds: Self.noTokenMilliseconds)
        }
    }

    private func post(_ body: [UInt8], token: String) async -> FCMAnswer {
        let result = await exchange.post(
            url,
            headers: [
                "authorization": "Bearer \(token)",
                "content-type": "application/json; charset=utf-8",
            ], body: body)
        switch result {
        case .notSent(let reason): return .outcome(.retry(reason: reason, waitMilliseconds: nil))
        case .unknown(let reason): return .outcome(.uncertain(reason: reason))
        case .answer(let status, let headers, let body):
            return FCMAnswer(
                status: status, retryAfter: headers.first(name: "retry-after"), body: body,
                now: clock.now())
        }
    }

    private func outcome(_ answer: FCMAnswer) -> PushOutcome {
        switch answer {
        case .outcome(let outcome): outcome
        case .unauthenticated:
            .rest(
                reason: "401 with a fresh access token",
                waitMilliseconds: Self.noTokenMilliseconds)
        }
    }
}
