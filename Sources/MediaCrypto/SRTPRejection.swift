/// Why a received packet was refused; counted per case. The raw value indexes such counters.
public enum SRTPRejection: UInt8, CaseIterable, Sendable {
    /// Shorter than its header, tag and trailer.
    case tooShort
    /// SRTCP without its E bit: encryption is always negotiated here.
    case notEncrypted
    /// Its index was received before.
    case replayed
    /// Its index is behind the replay window.
    case tooOld
    /// Forged, damaged, or protected with another key.
    case authenticationFailed
}
