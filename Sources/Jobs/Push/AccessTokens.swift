import Domain
import Foundation
import Metrics
import NIOHTTP1

/// The access token of a service account: asked for when needed, kept until shortly before its end.
/// Source: RFC 7523 §2.1, RFC 6749 §5.1.
actor AccessTokens {
    /// There is no token now.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A token this close to its end counts as ended: it must outlive the request that carries it.
    private static let marginSeconds: Int64 = 120
    /// Google gives one hour; more than a day nobody needs to believe.
    private static let lifetimeSecondsMax: Int64 = 86_400

    private let account: ServiceAccount
    private let exchange: HTTPExchange
    private let clock: any WallClock
    private var current: (token: String, goodUntil: Timestamp)?
    /// Everyone who needs a token meanwhile waits for this one request.
    private var fetching: Task<(token: String, goodUntil: Timestamp), any Error>?

    private let fetched = Counter(
        label: "circles_jobs_push_token_refreshes_total", dimensions: [("result", "ok")])
    private let failed = Counter(
        label: "circles_jobs_push_token_refreshes_total", dimensions: [("result", "failed")])

    init(account: ServiceAccount, exchange: HTTPExchange, clock: any WallClock) {
        self.account = account
        self.exchange = exchange
        self.clock = clock
    }

    /// - Parameter rejected: a token that was refused; another one is fetched unless there is one.
    /// - Throws: `Failure`.
    func token(insteadOf rejected: String? = nil) async throws -> String {
        if let current, current.token == rejected || current.goodUntil <= clock.now() {
            self.current = nil
        }
        if let current { return current.token }
        let task: Task<(token: String, goodUntil: Timestamp), any Error>
        if let fetching {
            task = fetching
        } else {
            // Not a child of whoever comes first: the others need it too. It ends by itself, by
            // the exchange's time limits.
            task = Task { try await fetch() }
            fetching = task
        }
        // Who waited with others finds it settled by the first of them.
        let result = await task.result
        if fetching == task {
            fetching = nil
            current = try? result.get()
        }
        return try result.get().token
    }

    private struct Granted: Decodable {
        let access_token: String
        let expires_in: Int64?
    }

    private func fetch() async throws -> (token: String, goodUntil: Timestamp) {
        do {
            let result = try await request()
            fetched.increment()
            return result
        } catch {
            failed.increment()
            throw error
        }
    }

    private func request() async throws -> (token: String, goodUntil: Timestamp) {
        let askedAt = clock.now()
        let assertion = try account.assertion(at: askedAt)
        let form =
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
        let result = await exchange.post(
            account.tokenURL,
            headers: ["content-type": "application/x-www-form-urlencoded"], body: Array(form.utf8))
        switch result {
        case .notSent(let reason), .unknown(let reason):
            throw Failure(description: "no access token: \(reason)")
        case .answer(let status, _, let body):
            guard status == 200, let body,
                let granted = try? JSONDecoder().decode(Granted.self, from: Data(body)),
                (1...4096).contains(granted.access_token.utf8.count),
                granted.access_token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw Failure(description: "no access token: answer \(status)") }
            let lifetime = min(max(granted.expires_in ?? 0, 0), Self.lifetimeSecondsMax)
            // A token that lives less than the margin is for the request at hand.
            return (
                granted.access_token,
                askedAt.adding(seconds: max(lifetime - Self.marginSeconds, 0))
            )
        }
    }
}
