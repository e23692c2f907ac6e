/// An operation on PostgreSQL that failed.
public struct DatabaseError: Error, Sendable, CustomStringConvertible {
    /// SQLSTATE, five characters, or one of our own: `CIRCX` (connection lost or never made),
    /// `CIRCP` (pool queue full), `CIRCD` (a result column is not of the type asked for).
    public let code: String
    public let message: String
    public let operation: String
    /// The constraint that a 23xxx error names.
    public let constraint: String?

    public init(code: String, message: String, operation: String, constraint: String? = nil) {
        self.code = code
        self.message = message
        self.operation = operation
        self.constraint = constraint
    }

    static let connectionCode = "CIRCX"
    static let poolFullCode = "CIRCP"
    static let decodingCode = "CIRCD"
    /// Somebody else held a lock for longer than `lock_timeout`.
    public static let lockTimeoutCode = "55P03"

    /// A migration changed what a prepared statement returns (`feature_not_supported`).
    static let stalePlanCode = "0A000"

    /// Whether the same operation may succeed a little later.
    public var isRetriable: Bool {
        switch code.prefix(2) {
        case "08", "40", "53", "55", "57": true
        default: [Self.connectionCode, Self.poolFullCode, Self.stalePlanCode].contains(code)
        }
    }

    public var isUniqueViolation: Bool { code == "23505" }

    public var description: String { "\(operation): \(message) [\(code)]" }
}
