import Domain
import HTTPTypes
import Hummingbird
import Metrics
import Synchronization

extension HTTPField.Name {
    static let rateLimit = Self("RateLimit")!  // a valid field name
    static let rateLimitPolicy = Self("RateLimit-Policy")!  // a valid field name
}

/// How many requests a minute each client may send.
public struct RateLimitConfiguration: Sendable {
    /// Requests a minute and user; 0 sets no limit, as for the others.
    public var perUser: Int
    /// By API key: one key is a whole app's.
    public var perKey: Int
    /// By client address; an IPv6 network of 64 bits counts as one.
    public var perAddress: Int
    /// Whose X-Forwarded-For is believed.
    public var trustedProxies: [NetworkRange]
    /// Users, keys or addresses that are counted at once.
    public var entryCountMax: Int

    public init(
        perUser: Int = 0, perKey: Int = 0, perAddress: Int = 0,
        trustedProxies: [NetworkRange] = [], entryCountMax: Int = 65_536
    ) {
        self.perUser = perUser
        self.perKey = perKey
        self.perAddress = perAddress
        self.trustedProxies = trustedProxies
        self.entryCountMax = entryCountMax
    }
}

/// The limits of one process, and what each request was told.
///
/// As a middleware it stands before everything that costs anything, and counts addresses; keys
/// and users are counted once `Authentication` knows them.
/// Source: draft-ietf-httpapi-ratelimit-headers-10.
struct RateLimits: RouterMiddleware {
    private let addresses: RateLimiter<NetworkAddress>?
    private let keys: RateLimiter<EventID>?
    private let users: RateLimiter<String>?
    private let clients: ClientAddress
    private let clock: any WallClock

    init(_ configuration: RateLimitConfiguration, clock: any WallClock) {
        func limiter<Key>(_ name: String, _ quota: Int) -> RateLimiter<Key>? {
            quota == 0
                ? nil
                : RateLimiter(
                    name: name, quota: quota, entryCountMax: configuration.entryCountMax)
        }
        addresses = limiter("address", configuration.perAddress)
        keys = limiter("key", configuration.perKey)
        users = limiter("uid", configuration.perUser)
        clients = ClientAddress(trustedProxies: configuration.trustedProxies)
        self.clock = clock
    }

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        if let addresses, let peer = context.peer?.networkAddress {
            let address = clients.address(peer: peer, headers: request.headers)
            try take(addresses.take(address.client, at: clock.now()), context)
        }
        var response = try await next(request, context)
        // To a problem `ProblemDocuments` adds them.
        context.rates.add(to: &response.headers)
        return response
    }

    /// - Throws: `Problem` (429) `rate_limited`.
    func take(key: EventID, _ context: CirclesRequestContext) throws {
        if let keys { try take(keys.take(key, at: clock.now()), context) }
    }

    /// - Throws: `Problem` (429) `rate_limited`.
    func take(uid: String, _ context: CirclesRequestContext) throws {
        if let users { try take(users.take(uid, at: clock.now()), context) }
    }

    private func take(_ decision: RateDecision, _ context: CirclesRequestContext) throws {
        context.rates.note(decision)
        guard let seconds = decision.retryAfterSeconds else { return }
        Counter(label: "circles_api_rate_limited_total", dimensions: [("policy", decision.name)])
            .increment()
        throw Problem(
            .rateLimited, "Too many requests; try again later",
            detail: "More than \(decision.quota) requests a minute for this \(decision.name)"
        ).retryable(afterSeconds: seconds)
    }
}

/// What the limits said of one request: the tightest of them is told.
final class RateReport: Sendable {
    private let decision = Mutex<RateDecision?>(nil)

    var tightest: RateDecision? { decision.withLock { $0 } }

    func note(_ other: RateDecision) {
        decision.withLock { decision in
            guard let known = decision, known.remaining <= other.remaining else {
                decision = other
                return
            }
        }
    }

    func add(to headers: inout HTTPFields) {
        guard let tightest else { return }
        headers[.rateLimitPolicy] =
            "\"\(tightest.name)\";q=\(tightest.quota);w=\(RateLimiter<Int>.windowSeconds)"
        headers[.rateLimit] =
            "\"\(tightest.name)\";r=\(tightest.remaining);t=\(tightest.resetSeconds)"
    }
}
