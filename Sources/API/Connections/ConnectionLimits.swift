import Metrics
import Synchronization

/// What one connection, and one client with many of them, may take.
public struct ConnectionLimits: Sendable {
    /// Connections of one client address at once; 0 sets no limit. Trusted proxies have none.
    public var perAddress: Int
    /// From a request's first byte to the end of its head.
    public var headSeconds: Int64
    /// For a request's body, beside a second for each `bodyBytesPerSecond`.
    public var bodySeconds: Int64
    /// The slowest upload that is waited for.
    public var bodyBytesPerSecond: Int
    /// How long what a refused client still sends is thrown away, so that it can read the answer.
    public var lingerSeconds: Int64
    public var trustedProxies: [NetworkRange]
    /// Of a head; taken from the server's configuration.
    var headByteCountMax = 16 << 10

    public init(
        perAddress: Int = 0, headSeconds: Int64 = 10, bodySeconds: Int64 = 20,
        bodyBytesPerSecond: Int = 1024, lingerSeconds: Int64 = 2,
        trustedProxies: [NetworkRange] = []
    ) {
        self.perAddress = perAddress
        self.headSeconds = headSeconds
        self.bodySeconds = bodySeconds
        self.bodyBytesPerSecond = bodyBytesPerSecond
        self.lingerSeconds = lingerSeconds
        self.trustedProxies = trustedProxies
    }
}

/// How many connections each client has open. It holds no more entries than there are
/// connections.
final class ConnectionTable: Sendable {
    private let limits: ConnectionLimits
    private let counts = Mutex<[NetworkAddress: Int]>([:])

    init(_ limits: ConnectionLimits) {
        self.limits = limits
    }

    /// - Returns: whether the client may have one more; then `leave` must follow.
    func enter(_ address: NetworkAddress) -> Bool {
        let mostOpen =
            limits.perAddress == 0 || limits.trustedProxies.contains { $0.contains(address) }
            ? Int.max : limits.perAddress
        return counts.withLock { counts in
            guard counts[address.client, default: 0] < mostOpen else { return false }
            counts[address.client, default: 0] += 1
            return true
        }
    }

    func leave(_ address: NetworkAddress) {
        counts.withLock { counts in
            let count = counts[address.client, default: 0] - 1
            counts[address.client] = count > 0 ? count : nil
        }
    }
}

/// Why a connection was closed on a client that did nothing wrong enough for an answer of its own.
enum ConnectionRefusal: String {
    case tooMany = "too_many"
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"
    case headTooLarge = "head_too_large"
    case targetTooLong = "target_too_long"

    func count() {
        Counter(
            label: "circles_api_connections_refused_total", dimensions: [("reason", rawValue)]
        ).increment()
    }
}
