import MediaCrypto

/// A user fragment and password. Source: RFC 8445 §5.3, RFC 8839 §5.4.
public struct ICECredentials: Sendable, Equatable {
    public var ufrag: String
    public var password: String

    public init(ufrag: String, password: String) {
        self.ufrag = ufrag
        self.password = password
    }

    /// How long the fragments that we make are: 48 bits of randomness, and one machine word.
    public static let ufragLength = 8
    /// 144 bits; RFC 8445 asks for 128.
    public static let passwordLength = 24

    /// New ones from the system's random numbers.
    public static func random() -> ICECredentials {
        let characters = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        func text(_ length: Int) -> String {
            var bytes: [UInt8] = []
            while bytes.count < length {
                var bits = secureRandomUInt64()
                for _ in 0..<min(8, length - bytes.count) {
                    bytes.append(characters[Int(bits & 63)])
                    bits >>= 6
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        return ICECredentials(ufrag: text(ufragLength), password: text(passwordLength))
    }

    /// A fragment of ours as one number; `nil` for one of another length.
    static func key(_ ufrag: some Collection<UInt8>) -> UInt64? {
        guard ufrag.count == ufragLength else { return nil }
        return ufrag.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
