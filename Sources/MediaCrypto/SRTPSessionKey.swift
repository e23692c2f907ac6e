internal import COpenSSL

/// The keys of one direction of SRTP or of SRTCP, derived from a master key with a key
/// derivation rate of 0. Source: RFC 3711 §4.3, RFC 7714 §11.
struct SRTPSessionKey {
    /// The label base of a packet kind; authentication adds 1, salt adds 2.
    /// Source: RFC 3711 §4.3.2.
    enum Purpose: UInt8 {
        case rtp = 0
        case rtcp = 3
    }

    static let authenticationKeyByteCount = 20

    let profile: SRTPProfile
    /// 16 bytes.
    let encryption: [UInt8]
    /// 20 bytes; empty for an AEAD profile.
    let authentication: [UInt8]
    /// `profile.saltByteCount` bytes.
    let salt: [UInt8]

    init(profile: SRTPProfile, encryption: [UInt8], authentication: [UInt8], salt: [UInt8]) {
        self.profile = profile
        self.encryption = encryption
        self.authentication = authentication
        self.salt = salt
    }

    /// Throws: `wrongKeyLength`, `cipherUnavailable`.
    init(_ master: SRTPMasterKey, for purpose: Purpose) throws(SRTPError) {
        let profile = master.profile
        guard
            master.key.count == profile.keyByteCount, master.salt.count == profile.saltByteCount
        else { throw .wrongKeyLength }
        let label = purpose.rawValue
        self.init(
            profile: profile,
            encryption: try Self.derive(master, label: label, byteCount: profile.keyByteCount),
            authentication: profile == .aeadAES128GCM
                ? []
                : try Self.derive(
                    master, label: label + 1, byteCount: Self.authenticationKeyByteCount),
            salt: try Self.derive(master, label: label + 2, byteCount: profile.saltByteCount))
    }

    /// The AES-CM keystream under the master key, at the salt with the label mixed into its
    /// eighth byte. A 96-bit salt is filled up with zeros on the right (RFC 7714 §11).
    static func derive(
        _ master: SRTPMasterKey, label: UInt8, byteCount: Int
    ) throws(SRTPError) -> [UInt8] {
        guard master.key.count == 16, master.salt.count <= 14 else { throw .wrongKeyLength }
        guard let cipher = circles_ctr_new(master.key) else { throw .cipherUnavailable }
        defer { circles_cipher_free(cipher) }
        var iv = UInt128(bigEndianBytes: master.salt, fillingTo: 16)
        iv ^= UInt128(label) << 64
        var bytes = [UInt8](repeating: 0, count: byteCount)
        guard
            circles_ctr_xor(
                cipher, UInt64(truncatingIfNeeded: iv >> 64), UInt64(truncatingIfNeeded: iv),
                &bytes, byteCount) == 0
        else { throw .cipherUnavailable }
        return bytes
    }
}

extension UInt128 {
    /// The number that `bytes` followed by zeros up to `byteCount` (16 at most) stand for.
    init(bigEndianBytes bytes: [UInt8], fillingTo byteCount: Int) {
        self = 0
        for position in 0..<byteCount {
            self = self << 8 | (position < bytes.count ? UInt128(bytes[position]) : 0)
        }
    }
}
