/// The value of an `Idempotency-Key` header: what names a request across its retries.
/// Source: draft-ietf-httpapi-idempotency-key-header-07 §2.1, RFC 9651 §3.3.3.
struct IdempotencyKey: Sendable, Equatable {
    static let byteCount = 1...255

    let text: String

    /// Takes a Structured Field string, and the bare value too, which many clients send.
    ///
    /// - Parameter values: of all the header's lines; more than one is no key.
    /// - Throws: `Problem` (400) `idempotency_key_invalid`.
    init(_ values: [String]) throws(Problem) {
        guard values.count == 1, let text = Self.parse(values[0]),
            Self.byteCount.contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw Problem(
                .idempotencyKeyInvalid,
                "Idempotency-Key must be one string of 1 to 255 printable ASCII characters")
        }
        self.text = text
    }

    private static func parse(_ value: String) -> String? {
        guard value.utf8.first == UInt8(ascii: "\"") else { return value }
        var bytes: [UInt8] = []
        var rest = value.utf8.dropFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                return rest.isEmpty ? String(decoding: bytes, as: UTF8.self) : nil
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(),
                    escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { return nil }
                bytes.append(escaped)
            default:
                bytes.append(byte)
            }
        }
        return nil
    }
}
