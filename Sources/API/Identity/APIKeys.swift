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

    /// - Throws: `Problem` (401) `api_key_missing` or `api_key_invalid`.
    func verify(_ key: String?) async throws {
        guard let key, !key.isEmpty else {
            throw Problem.unauthorized("api_key_missing", "The X-API-Key header is required")
        }
        let hash = Self.hash(key)
        let now = clock.now()
        let isValid: Bool
        if let known = cache.validity(of: hash, at: now) {
            isValid = known
        } else {
            isValid = try await pool.withConnection { connection in
                try connection.query(
                    """
                    select 1::int8 from api_keys
                    where key_hash = \(Bytes(hash)) and revoked_at is null
                    """
                ).count > 0
            }
            cache.remember(
                hash, isValid: isValid, until: now.adding(seconds: Self.cacheSeconds),
                countMax: Self.cacheCountMax)
        }
        guard isValid else {
            throw Problem.unauthorized("api_key_invalid", "The API key is not valid")
        }
    }

    static func hash(_ key: String) -> [UInt8] {
        Array(SHA256.hash(data: Data(key.utf8)))
    }

    private final class Cache: Sendable {
        private let entries = Mutex<[[UInt8]: (isValid: Bool, until: Timestamp)]>([:])

        func validity(of hash: [UInt8], at now: Timestamp) -> Bool? {
            entries.withLock { entries in
                guard let entry = entries[hash], now < entry.until else { return nil }
                return entry.isValid
            }
        }

        func remember(_ hash: [UInt8], isValid: Bool, until: Timestamp, countMax: Int) {
            entries.withLock { entries in
                if entries.count >= countMax { entries.removeAll() }
                entries[hash] = (isValid, until)
            }
        }
    }

    // MARK: Administration

    public struct Listed: Sendable {
        public let keyID: EventID
        public let name: String
        public let createdAt: Timestamp
        public let revokedAt: Timestamp?
    }

    /// Makes a key; it cannot be read again later.
    public func create(name: String) async throws -> String {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<4).flatMap { _ in
            withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
        }
        let key = "ck_" + Base64URL.encode(bytes)
        try await register(key, name: name)
        return key
    }

    /// Stores a key that was made elsewhere, once.
    public func register(_ key: String, name: String) async throws {
        let now = clock.now()
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into api_keys (key_id, name, key_hash, created_at)
                values (\(EventID(now: now)), \(name), \(Bytes(Self.hash(key))), \(now))
                on conflict (key_hash) do nothing
                """)
        }
    }

    public func list() async throws -> [Listed] {
        try await pool.withConnection { connection in
            try connection.query(
                "select key_id, name, created_at, revoked_at from api_keys order by created_at"
            ).map { row in
                Listed(
                    keyID: try row.get(0), name: try row.get(1), createdAt: try row.get(2),
                    revokedAt: try row.optional(3))
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
