/// What one direction's session keys are derived from. Source: RFC 3711 §3.2.1.
public struct SRTPMasterKey: Sendable, Equatable {
    public var profile: SRTPProfile
    /// `profile.keyByteCount` bytes.
    public var key: [UInt8]
    /// `profile.saltByteCount` bytes.
    public var salt: [UInt8]

    /// Lengths are checked where the key is used, by `SRTPProtector` and `SRTPUnprotector`.
    public init(profile: SRTPProfile, key: [UInt8], salt: [UInt8]) {
        self.profile = profile
        self.key = key
        self.salt = salt
    }
}
