import Crypto
import Domain
import Foundation

/// What a signed URL of our own allows: one cover, of one type and length, until a time.
struct UploadPermit: Equatable, Sendable {
    let name: CoverName
    let byteCount: Int
    /// Whole seconds since 1970.
    let expiresAtSeconds: Int64

    private static let parameters = ["contentType", "byteCount", "expires", "signature"]

    init(name: CoverName, byteCount: Int, expiresAtSeconds: Int64) {
        self.name = name
        self.byteCount = byteCount
        self.expiresAtSeconds = expiresAtSeconds
    }

    /// Reads and verifies a URL's parameters: each exactly once, and no others.
    ///
    /// - Parameter query: names and values, percent-decoded.
    /// - Throws: `upload_signature_invalid`, then `upload_expired`.
    init(
        name: CoverName, query: [(name: String, value: String)], key: SymmetricKey, now: Timestamp
    ) throws(Problem) {
        let values = Dictionary(query.map { ($0.name, $0.value) }) { first, _ in first }
        guard query.count == Self.parameters.count, Set(values.keys) == Set(Self.parameters),
            values["contentType"] == name.type.rawValue,
            let byteCount = values["byteCount"].flatMap({ Self.number($0) }),
            let expires = values["expires"].flatMap({ Self.number($0) }),
            let signature = values["signature"].flatMap({ Hex.decode($0) })
        else { throw .uploadSignatureInvalid }
        self.init(name: name, byteCount: Int(byteCount), expiresAtSeconds: expires)
        // Compares in constant time.
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: signedBytes, using: key)
        else { throw .uploadSignatureInvalid }
        guard now.microseconds < expires * 1_000_000 else { throw .uploadExpired }
    }

    /// The query of the URL, signature included.
    func query(key: SymmetricKey) -> String {
        let signature = Hex.encode(
            HMAC<SHA256>.authenticationCode(for: signedBytes, using: key))
        let type = name.type.rawValue.replacingOccurrences(of: "/", with: "%2F")
        return "contentType=\(type)&byteCount=\(byteCount)&expires=\(expiresAtSeconds)"
            + "&signature=\(signature)"
    }

    private var signedBytes: Data {
        Data("PUT\n\(name)\n\(name.type.rawValue)\n\(byteCount)\n\(expiresAtSeconds)".utf8)
    }

    /// Digits as we write them ourselves, so that a permit has one spelling. They fit a time in
    /// microseconds.
    private static func number(_ text: String) -> Int64? {
        guard text.utf8.count <= 12, let number = Int64(text), number >= 0,
            String(number) == text
        else { return nil }
        return number
    }

    /// The key for permits, drawn from a secret that has other uses too.
    /// Source: RFC 5869 (HKDF).
    static func key(from secret: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Data(secret.utf8)),
            info: Data("circles upload permits".utf8), outputByteCount: 32)
    }
}

/// Bytes as lower-case hexadecimal digits.
enum Hex {
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }

    /// - Returns: `nil` for other characters, capitals included, and for half a byte.
    static func decode(_ text: String) -> [UInt8]? {
        var nibbles: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nibbles.append(byte - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): nibbles.append(byte - 87)
            default: return nil
            }
        }
        guard nibbles.count % 2 == 0 else { return nil }
        return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
    }
}
