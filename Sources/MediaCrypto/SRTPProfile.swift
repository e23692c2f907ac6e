/// How SRTP packets of a session are protected.
/// Source: RFC 5764 §4.1.2 and RFC 7714 §14.2; the raw values are those of `use_srtp`.
public enum SRTPProfile: UInt16, Sendable, CaseIterable {
    /// AES-128 in counter mode with an 80-bit HMAC-SHA1 tag.
    case aes128CMSHA1_80 = 0x0001
    /// AES-128 in Galois/counter mode with a 128-bit tag.
    case aeadAES128GCM = 0x0007

    /// Bytes of the master key.
    public var keyByteCount: Int { 16 }

    /// Bytes of the master salt and of the session salts.
    public var saltByteCount: Int {
        switch self {
        case .aes128CMSHA1_80: 14
        case .aeadAES128GCM: 12
        }
    }

    /// Bytes of the authentication tag, for SRTP and for SRTCP.
    public var tagByteCount: Int {
        switch self {
        case .aes128CMSHA1_80: 10
        case .aeadAES128GCM: 16
        }
    }
}
