import Domain
import Synchronization

/// Claims of tokens that were verified a moment ago, by the token's text: an app sends the same
/// token with each request, and checking a signature costs more than most requests.
///
/// Only what was verified is kept, and no longer than the keys that verified it: a key that its
/// issuer withdraws is refused when it would be without this. The times in the claims are checked
/// with each request.
final class VerifiedTokens<Claims: Sendable>: Sendable {
    static var secondsMax: Int64 { 60 }
    /// Past it all are forgotten at once: they cost one verification each to come back.
    static var countMax: Int { 10_000 }

    private struct Entry {
        let claims: Claims
        let verifiedAt: Timestamp
        let validUntil: Timestamp
    }

    private let entries = Mutex<[String: Entry]>([:])

    func claims(of token: String, now: Timestamp) -> Claims? {
        entries.withLock { entries in
            guard let entry = entries[token] else { return nil }
            // A clock that stepped back makes nothing younger.
            guard now >= entry.verifiedAt, now < entry.validUntil else {
                entries[token] = nil
                return nil
            }
            return entry.claims
        }
    }

    /// - Parameter keysExpireAt: `nil` for keys that do not change.
    func keep(_ claims: Claims, of token: String, now: Timestamp, keysExpireAt: Timestamp?) {
        let end = now.adding(seconds: Self.secondsMax)
        entries.withLock { entries in
            if entries.count >= Self.countMax { entries.removeAll() }
            entries[token] = Entry(
                claims: claims, verifiedAt: now, validUntil: min(end, keysExpireAt ?? end))
        }
    }
}
