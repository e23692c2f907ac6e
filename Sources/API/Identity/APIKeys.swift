import Crypto
import Database
import Domain
import Foundation
import Synchronization
import Tokens

/// The keys that clients send in `X-API-Key`. At rest only their SHA-256 is kept: they are 256
/// random bits, so a slow hash would add nothing.
public struct APIKeys: Sendable {
    private let pool: ConnectionPool
    private let clock: any WallClock
    private let cache = Cache()

    /// How long an answer of the database is taken for granted; a revoked key ends with it.
    private static let cacheSeconds: Int64 = 5
    private static let cacheCountMax = 1000

    public init(pool: ConnectionPool, clock: any WallClock) {
        self.pool = pool
        self.clock = clock
    }

    /// A key in use.
    struct Verified: Sendable, Equatable {
        let keyID: EventID
        let scopes: Set<APIScope>
    }

    /// Keys are found by their hash, in an index and a dictionary, whose comparisons may end
    /// early. What that time tells is how much of a stored hash equals the hash of what was sent;
    /// nobody can choose a key whose hash begins as they like without trying as many as it takes
    /// to guess, so it leads no closer to a key, and no comparison has to hide its time.
    ///
    /// - Throws: `Problem` (401) `api_key_missing` or `api_key_invalid`.
    func verify(_ key: String?) async throws -> Verified {
        guard let key, !key.isEmpty else {
            throw Problem.unauthorized(.apiKeyMissing, "The X-API-Key header is required")
        }
        let hash = Self.hash(key)
        let now = clock.now()
        let verified: Verified?
        if let known = cache.entry(of: hash, at: now) {
            verified = known.verified
        } else {
            verified = try await pool.withConnection { connection in
                try connection.query(
                    """
                    select key_id, scopes from api_keys
                    where key_hash = \(Bytes(hash)) and revoked_at is null
                    """
                ).first.map { row in
                    Verified(keyID: try row.get(0), scopes: try row.scopes(1))
                }
            }
            cache.remember(
                hash, verified, until: now.adding(seconds: Self.cacheSeconds),
                countMax: Self.cacheCountMax)
        }
        guard let verified else {
            throw Problem.unauthorized(.apiKeyInvalid, "The API key is not valid")
        }
        return verified
    }

    static func hash(_ key: String) -> [UInt8] {
        Array(SHA256.hash(data: Data(key.utf8)))
    }

    private final class Cache: Sendable {
        struct Entry {
            /// `nil` when there is no such key in use.
            let verified: Verified?
            let until: Timestamp
        }

        private let entries = Mutex<[[UInt8]: Entry]>([:])

        func entry(of hash: [UInt8], at now: Timestamp) -> Entry? {
            entries.withLock { entries in
                entries[hash].flatMap { now < $0.until ? $0 : nil }
            }
        }

        func remember(_ hash: [UInt8], _ verified: Verified?, until: Timestamp, countMax: Int) {
            entries.withLock { entries in
                if entries.count >= countMax { entries.removeAll() }
                entries[hash] = Entry(verified: verified, until: until)
            }
        }
    }

    // MARK: Administration

    public struct Listed: Sendable {
        public let keyID: EventID
        public let name: String
        public let createdAt: Timestamp
        public let revokedAt: Timestamp?
        public let scopes: Set<APIScope>
    }

    /// Makes a key; it cannot be read again later.
    public func create(
        name: String, scopes: Set<APIScope> = Set(APIScope.allCases)
    ) async throws -> String {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<4).flatMap { _ in
            withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
        }
        let key = "ck_" + Base64URL.encode(bytes)
        try await register(key, name: name, scopes: scopes)
        return key
    }

    /// Stores a key that was made elsewhere, once.
    public func register(
        _ key: String, name: String, scopes: Set<APIScope> = Set(APIScope.allCases)
    ) async throws {
        let now = clock.now()
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into api_keys (key_id, name, key_hash, created_at, scopes)
                values (
                    \(EventID(now: now)), \(name), \(Bytes(Self.hash(key))), \(now),
                    \(scopes.map(\.rawValue).sorted())
                )
                on conflict (key_hash) do nothing
                """)
        }
    }

    public func list() async throws -> [Listed] {
        try await pool.withConnection { connection in
            try connection.query(
                """
                select key_id, name, created_at, revoked_at, scopes
                from api_keys
                order by created_at, key_id
                """
            ).map { row in
                Listed(
                    keyID: try row.get(0), name: try row.get(1), createdAt: try row.get(2),
                    revokedAt: try row.optional(3), scopes: try row.scopes(4))
            }
        }
    }

    /// - Returns: whether there was such a key in use.
    public func revoke(_ keyID: EventID) async throws -> Bool {
        let now = clock.now()
        return try await pool.withConnection { connection in
            try connection.query(
                """
                update api_keys set revoked_at = \(now)
                where key_id = \(keyID) and revoked_at is null
                """
            ).affectedCount > 0
        }
    }
}

extension Row {
    /// Scopes that a newer program gave and this one does not know allow nothing here.
    fileprivate func scopes(_ column: Int) throws -> Set<APIScope> {
        Set(try get(column, as: [String].self).compactMap(APIScope.init))
    }
}
