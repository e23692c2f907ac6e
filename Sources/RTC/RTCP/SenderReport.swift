/// What a sender says about its own stream.
///
/// Source: RFC 3550 §6.4.1.
@frozen
public struct SenderReport: Sendable, Hashable {
    public var ssrc: UInt32
    /// Wall clock of the report: seconds since 1900 in the upper half, 1/2³² s in the lower.
    public var ntpTime: UInt64
    /// The same instant in timestamp units.
    public var rtpTimestamp: UInt32
    public var packetCount: UInt32
    /// Payload bytes, without headers and padding.
    public var octetCount: UInt32

    public init(
        ssrc: UInt32, ntpTime: UInt64, rtpTimestamp: UInt32, packetCount: UInt32,
        octetCount: UInt32
    ) {
        self.ssrc = ssrc
        self.ntpTime = ntpTime
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
    }

    /// What a receiver echoes as `lastSenderReport`.
    public var compactNTPTime: UInt32 { UInt32(truncatingIfNeeded: ntpTime >> 16) }
}
