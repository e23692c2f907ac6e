import Crypto
import Database
import Foundation

/// Names that stand for uids in an export or a report: HMAC-SHA-256 of the uid under a key, so that a person
/// has one name in all of it and nobody without the key can tell who it is.
public struct Pseudonyms: Sendable {
    /// At least so many bytes of key: what HMAC-SHA-256 is worth.
    public static let keyByteCountMin = 16
    private static let blockByteCount = 64

    private let key: [UInt8]
    /// Whether the key is known to nobody and goes with this run.
    public let isThrownAway: Bool

    /// With a key of its own that goes with the run.
    public init() {
        key = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        isThrownAway = true
    }

    /// - Parameter key: the whole content of the key file.
    public init(key: [UInt8]) throws(Export.Failure) {
        guard key.count >= Self.keyByteCountMin else {
            throw .shortKey(byteCount: key.count)
        }
        self.key = key
        isThrownAway = false
    }

    /// Tells keys apart and says nothing of them.
    var fingerprint: String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("circles export".utf8), using: SymmetricKey(data: key))
        return code.prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
    }

    /// Gives the session what `expression` reads. The key itself stands in no statement.
    /// Source: RFC 2104 §2.
    func install(_ connection: Connection) throws {
        var block = key.count > Self.blockByteCount ? Array(SHA256.hash(data: key)) : key
        block += [UInt8](repeating: 0, count: Self.blockByteCount - block.count)
        for (name, pad) in [("circles.inner_pad", UInt8(0x36)), ("circles.outer_pad", 0x5C)] {
            try connection.query(
                """
                select set_config(\(name), \(Bytes(block.map { $0 ^ pad }))::text, false)
                """)
        }
    }

    /// The pseudonym of the uid in `value`, an expression; nobody and null stay so.
    private static func pseudonym(of value: String) -> String {
        """
        case when \(value) = '' then '' else encode(
            sha256(
                current_setting('circles.outer_pad')::bytea
                || sha256(
                    current_setting('circles.inner_pad')::bytea || convert_to(\(value), 'UTF8')
                )
            ),
            'hex'
        ) end
        """
    }

    /// A column of uids as a session with `install` reads it.
    static func expression(_ column: String) -> String { "\(pseudonym(of: column)) as \(column)" }

    /// Likewise a column of arrays of uids.
    static func arrayExpression(_ column: String) -> String {
        """
        case when \(column) is not null then array(
            select \(pseudonym(of: "person"))
            from unnest(\(column)) with ordinality as people (person, place)
            order by place
        ) end as \(column)
        """
    }

    static func isUID(_ column: String) -> Bool { column == "uid" || column.hasSuffix("_uid") }
}
