import Domain
import Foundation
import JWTKit

/// The signing keys of an issuer, from its JWKS URL: kept as long as the issuer says, fetched
/// again early for a key that is not known.
public actor RemoteKeySet {
    public struct Fetched: Sendable {
        public var body: String
        /// `max-age` of the answer.
        public var maxAgeSeconds: Int64

        public init(body: String, maxAgeSeconds: Int64) {
            self.body = body
            self.maxAgeSeconds = maxAgeSeconds
        }
    }

    private let url: String
    private let clock: any WallClock
    private let fetch: @Sendable (String) async throws -> Fetched

    private var current: (keys: JWTKeyCollection, ids: Set<String>)?
    /// Until when its keys are good without asking again.
    private(set) var expiresAt = Timestamp(seconds: 0)
    private var lastAttemptAt: Timestamp?
    private var pending: Task<Void, Never>?

    /// A key that is not known makes us ask again, but not more often than this.
    private static let attemptIntervalSeconds: Int64 = 10

    init(
        url: String, clock: any WallClock,
        fetch: @escaping @Sendable (String) async throws -> Fetched
    ) {
        self.url = url
        self.clock = clock
        self.fetch = fetch
    }

    /// The keys, if `kid` is among them.
    ///
    /// Keys that are out of date stay in use while the issuer does not answer.
    func keys(for kid: String) async throws -> JWTKeyCollection {
        let isKnown = current?.ids.contains(kid) ?? false
        if !isKnown || clock.now() >= expiresAt {
            await refresh()
        }
        guard let current else { throw Problem.overloaded }
        guard current.ids.contains(kid) else {
            throw Problem.unauthorized(.tokenInvalid, "The bearer token is not valid")
        }
        return current.keys
    }

    /// Fetches once, however many ask meanwhile.
    private func refresh() async {
        if let pending {
            await pending.value
            return
        }
        let now = clock.now()
        if let last = lastAttemptAt, now < last.adding(seconds: Self.attemptIntervalSeconds) {
            return
        }
        lastAttemptAt = now
        let task = Task { await self.fetchNow() }
        pending = task
        await task.value
        pending = nil
    }

    private func fetchNow() async {
        guard let fetched = try? await fetch(url) else { return }  // the keys we have stay
        let keys = JWTKeyCollection()
        guard
            let set = try? JSONDecoder().decode(KeySet.self, from: Data(fetched.body.utf8))
        else { return }
        var ids: Set<String> = []
        for entry in set.keys {
            // A key that we cannot read is not used; the others are.
            guard let key = entry.key, key.keyType == .rsa, let id = key.keyIdentifier?.string,
                (try? await keys.add(jwk: key)) != nil
            else { continue }
            ids.insert(id)
        }
        guard !ids.isEmpty else { return }
        current = (keys, ids)
        let lifetime = min(max(fetched.maxAgeSeconds, 60), 86_400)
        expiresAt = clock.now().adding(seconds: lifetime)
    }
}

/// A JWKS (RFC 7517 §5) of which each key is read on its own.
private struct KeySet: Decodable {
    let keys: [Entry]

    struct Entry: Decodable {
        let key: JWK?

        init(from decoder: any Decoder) {
            key = try? JWK(from: decoder)  // of a kind that we do not know
        }
    }
}
