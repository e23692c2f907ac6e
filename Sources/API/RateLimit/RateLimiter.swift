import Domain
import Metrics
import Synchronization

/// What a rate limit says of one request.
struct RateDecision: Sendable, Equatable {
    /// Of the policy: `uid`, `key` or `address`.
    let name: String
    /// Requests in a window.
    let quota: Int
    /// How many are left at once.
    let remaining: Int
    /// Until the quota is whole again, rounded up.
    let resetSeconds: Int64
    /// `nil` when the request may pass.
    let retryAfterSeconds: Int64?
}

/// So many requests a minute for each key, evenly refilled: a bucket as large as the quota, kept
/// as one time (GCRA, the "virtual scheduling" of ITU-T I.371 annex A).
///
/// It counts in this process only: a fleet of n lets n times as much through. What must be exact
/// is in the database.
/// Cost: a lock and a dictionary access; the table is bounded.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    static var windowSeconds: Int64 { 60 }

    private let name: String
    private let quota: Int
    /// Between two requests at the sustained rate.
    private let interval: Int64
    private let entryCountMax: Int
    /// When each bucket will be full again; what is past is full. Microseconds.
    private let fullAt = Mutex<[Key: Int64]>([:])

    /// - Parameters:
    ///   - quota: 1 to 1,000,000 in a window.
    ///   - entryCountMax: buckets that are kept. Past it the full ones go, then the fullest:
    ///     forgetting those forgives the least.
    init(name: String, quota: Int, entryCountMax: Int) {
        precondition(quota > 0 && entryCountMax > 0, "a limit of nothing is not made")
        self.name = name
        self.quota = quota
        self.entryCountMax = entryCountMax
        interval = max(1, Self.windowSeconds * 1_000_000 / Int64(quota))
    }

    /// Buckets that are kept at the moment.
    var entryCount: Int { fullAt.withLock { $0.count } }

    /// Takes one request out of the key's bucket, if there is one in it.
    func take(_ key: Key, at now: Timestamp) -> RateDecision {
        let (now, burst) = (now.microseconds, interval * Int64(quota))
        return fullAt.withLock { fullAt in
            // A clock that was set back must not lock anyone out for longer than a window.
            let begin = min(max(fullAt[key] ?? now, now), now + burst)
            let next = begin + interval
            guard next - now <= burst else {
                fullAt[key] = begin
                return RateDecision(
                    name: name, quota: quota, remaining: 0, resetSeconds: seconds(begin - now),
                    retryAfterSeconds: seconds(next - burst - now))
            }
            if fullAt[key] == nil, fullAt.count >= entryCountMax { evict(from: &fullAt, now: now) }
            fullAt[key] = next
            return RateDecision(
                name: name, quota: quota, remaining: Int((burst - (next - now)) / interval),
                resetSeconds: seconds(next - now), retryAfterSeconds: nil)
        }
    }

    private func seconds(_ microseconds: Int64) -> Int64 {
        (microseconds + 999_999) / 1_000_000
    }

    /// Frees at least a quarter of the table, so that its cost is shared by as many insertions.
    private func evict(from fullAt: inout [Key: Int64], now: Int64) {
        let before = fullAt.count
        fullAt = fullAt.filter { $0.value > now }
        let keptCount = entryCountMax - entryCountMax / 4 - 1
        if fullAt.count > keptCount {
            let kept = fullAt.sorted { $0.value > $1.value }.prefix(keptCount)
            fullAt = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
        }
        Counter(label: "circles_api_rate_limit_evicted_total", dimensions: [("policy", name)])
            .increment(by: before - fullAt.count)
    }
}
