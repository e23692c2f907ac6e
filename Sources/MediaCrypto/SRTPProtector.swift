/// Protects what one side sends: SRTP and SRTCP under one master key.
///
/// Owned by one thread at a time; its contexts are freed when it goes.
/// Source: RFC 3711 §3.3, RFC 7714.
/// Cost: no allocation, lock or reference count per packet.
public struct SRTPProtector: ~Copyable {
    private let rtp: SRTPCipher
    private let rtcp: SRTPCipher
    /// The next SRTCP index, 31 bits; `indexEnd` when all are used up.
    private var rtcpIndex: UInt32 = 0

    private static let indexEnd: UInt32 = 1 << 31

    /// The most bytes that protection adds to a packet: 16 for the tag, 4 for SRTCP's trailer.
    public static let overheadMax = 20

    /// Derives the session keys. Throws: `wrongKeyLength`, `cipherUnavailable`.
    public init(_ key: SRTPMasterKey) throws(SRTPError) {
        try self.init(
            rtp: SRTPSessionKey(key, for: .rtp), rtcp: SRTPSessionKey(key, for: .rtcp))
    }

    init(rtp: SRTPSessionKey, rtcp: SRTPSessionKey, rtcpIndex: UInt32 = 0) throws(SRTPError) {
        // Both before either is stored: a noncopyable struct cannot be half made.
        let rtpCipher = try SRTPCipher(rtp, .seal)
        let rtcpCipher = try SRTPCipher(rtcp, .seal)
        self.rtp = rtpCipher
        self.rtcp = rtcpCipher
        self.rtcpIndex = rtcpIndex
    }

    /// Protects an RTP packet in place and returns its new length in bytes.
    ///
    /// `packet` has room for `length + overheadMax` bytes. `headerLength` counts the fixed header,
    /// the CSRCs and the extension. `rolloverCounter` is how often the sequence numbers of this
    /// SSRC have wrapped: one SSRC, rollover counter and sequence number must never stand for two
    /// different packets under one key. Returns -1 for lengths that make no RTP packet.
    public mutating func protectRTP(
        _ packet: UnsafeMutablePointer<UInt8>, headerLength: Int, length: Int,
        rolloverCounter: UInt32
    ) -> Int {
        guard headerLength >= 12, length >= headerLength else { return -1 }
        let index = UInt64(rolloverCounter) << 16 | UInt64(packet.bigEndianUInt16(at: 2))
        return rtp.sealRTP(
            packet, headerLength: headerLength, length: length,
            ssrc: packet.bigEndianUInt32(at: 8), index: index)
    }

    /// Protects a compound RTCP packet in place and returns its new length in bytes.
    ///
    /// `packet` has room for `length + overheadMax` bytes. Returns -1 when it is shorter than the
    /// 8 bytes of an RTCP header and SSRC, or when the 2^31 packets of a key are used up.
    public mutating func protectRTCP(_ packet: UnsafeMutablePointer<UInt8>, length: Int) -> Int {
        guard length >= SRTPCipher.rtcpHeaderByteCount, rtcpIndex < Self.indexEnd else {
            return -1
        }
        let index = rtcpIndex
        rtcpIndex += 1
        return rtcp.sealRTCP(
            packet, length: length, ssrc: packet.bigEndianUInt32(at: 4), index: index)
    }
}
