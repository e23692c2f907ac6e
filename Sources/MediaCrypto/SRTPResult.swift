/// What became of a received packet. Holds no reference: safe on the packet path.
public enum SRTPResult: Equatable, Sendable {
    /// Authentic and decrypted in place. `length` is the packet's in bytes, without tag and
    /// trailer. `extendedSequence` is ROC << 16 | sequence number for RTP (48 bits), the SRTCP
    /// index for RTCP (31 bits).
    case ok(length: Int, extendedSequence: UInt64)
    /// The bytes of the packet must not be used.
    case rejected(SRTPRejection)
}
