/// The keys that a DTLS handshake agreed on. Source: RFC 5764 §4.2.
public struct SRTPKeyingMaterial: Sendable, Equatable {
    public var profile: SRTPProfile
    /// Protects what this side sends.
    public var local: SRTPMasterKey
    /// Protects what the peer sends.
    public var remote: SRTPMasterKey

    public init(profile: SRTPProfile, local: SRTPMasterKey, remote: SRTPMasterKey) {
        self.profile = profile
        self.local = local
        self.remote = remote
    }

    /// Bytes that the exporter gives for both directions.
    static func byteCount(_ profile: SRTPProfile) -> Int {
        2 * (profile.keyByteCount + profile.saltByteCount)
    }

    /// Cuts the exported bytes: client key, server key, client salt, server salt.
    /// Nil when they are not `byteCount(profile)` many.
    init?(exported bytes: [UInt8], profile: SRTPProfile, isClient: Bool) {
        guard bytes.count == Self.byteCount(profile) else { return nil }
        let key = profile.keyByteCount
        let salt = profile.saltByteCount
        let client = SRTPMasterKey(
            profile: profile, key: Array(bytes[..<key]),
            salt: Array(bytes[(2 * key)..<(2 * key + salt)]))
        let server = SRTPMasterKey(
            profile: profile, key: Array(bytes[key..<(2 * key)]),
            salt: Array(bytes[(2 * key + salt)...]))
        self.init(
            profile: profile, local: isClient ? client : server,
            remote: isClient ? server : client)
    }
}
