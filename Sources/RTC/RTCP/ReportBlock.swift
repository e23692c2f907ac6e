/// What a receiver says about one source.
///
/// Source: RFC 3550 §6.4.1.
@frozen
public struct ReportBlock: Sendable, Hashable {
    public static let byteCount = 24
    /// The most blocks of one report: its count has five bits.
    public static let countMax = 31

    /// The source that is reported on.
    public var ssrc: UInt32
    /// Lost since the last report, in 1/256.
    public var fractionLost: UInt8
    /// Lost since the beginning, −2²³…2²³−1; duplicates make it sink.
    public var packetsLost: Int32
    /// Highest sequence number, cycles in the upper 16 bits.
    public var extendedHighestSequence: UInt32
    /// Interarrival jitter in timestamp units.
    public var jitter: UInt32
    /// The middle 32 bits of the last sender report's NTP time; 0 if there was none.
    public var lastSenderReport: UInt32
    /// Between that report and this one, in 1/65 536 s.
    public var delaySinceLastSenderReport: UInt32

    public init(
        ssrc: UInt32, fractionLost: UInt8, packetsLost: Int32, extendedHighestSequence: UInt32,
        jitter: UInt32, lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.packetsLost = packetsLost
        self.extendedHighestSequence = extendedHighestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// From 24 bytes that exist.
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        let loss = bytes.bigEndian32(at: offset + 4)
        ssrc = bytes.bigEndian32(at: offset)
        fractionLost = UInt8(truncatingIfNeeded: loss >> 24)
        packetsLost = Int32(bitPattern: loss << 8) >> 8
        extendedHighestSequence = bytes.bigEndian32(at: offset + 8)
        jitter = bytes.bigEndian32(at: offset + 12)
        lastSenderReport = bytes.bigEndian32(at: offset + 16)
        delaySinceLastSenderReport = bytes.bigEndian32(at: offset + 20)
    }

    /// Into 24 bytes that exist; `packetsLost` is clamped to its 24 bits.
    func write(to start: UnsafeMutableRawPointer, at offset: Int) {
        let lost = UInt32(bitPattern: min(max(packetsLost, -0x80_0000), 0x7F_FFFF)) & 0xFF_FFFF
        start.storeBigEndian(ssrc, at: offset)
        start.storeBigEndian(UInt32(fractionLost) << 24 | lost, at: offset + 4)
        start.storeBigEndian(extendedHighestSequence, at: offset + 8)
        start.storeBigEndian(jitter, at: offset + 12)
        start.storeBigEndian(lastSenderReport, at: offset + 16)
        start.storeBigEndian(delaySinceLastSenderReport, at: offset + 20)
    }
}
