/// Opens what one peer sends: SRTP and SRTCP under one master key, with the rollover counter and
/// the replay window of each of its last eight sources.
///
/// Owned by one thread at a time; its contexts are freed when it goes.
/// Source: RFC 3711 §3.3, RFC 7714.
/// Cost: no allocation, lock or reference count per packet.
public struct SRTPUnprotector: ~Copyable {
    private let rtp: SRTPCipher
    private let rtcp: SRTPCipher
    private(set) var rtpSources: SRTPSourceTable
    private(set) var rtcpSources: SRTPSourceTable

    /// Derives the session keys. Throws: `wrongKeyLength`, `cipherUnavailable`.
    public init(_ key: SRTPMasterKey) throws(SRTPError) {
        try self.init(
            rtp: SRTPSessionKey(key, for: .rtp), rtcp: SRTPSessionKey(key, for: .rtcp))
    }

    init(rtp: SRTPSessionKey, rtcp: SRTPSessionKey) throws(SRTPError) {
        // Both before either is stored: a noncopyable struct cannot be half made.
        let rtpCipher = try SRTPCipher(rtp, .open)
        let rtcpCipher = try SRTPCipher(rtcp, .open)
        self.rtp = rtpCipher
        self.rtcp = rtcpCipher
        rtpSources = SRTPSourceTable()
        rtcpSources = SRTPSourceTable()
    }

    /// Authenticates and decrypts an RTP packet in place.
    ///
    /// `headerLength` counts the fixed header, the CSRCs and the extension. Nothing is remembered
    /// of a rejected packet.
    public mutating func unprotectRTP(
        _ packet: UnsafeMutablePointer<UInt8>, headerLength: Int, length: Int
    ) -> SRTPResult {
        guard headerLength >= 12, headerLength <= length,
            length - headerLength >= rtp.profile.tagByteCount
        else { return .rejected(.tooShort) }
        let sequence = packet.bigEndianUInt16(at: 2)
        let ssrc = packet.bigEndianUInt32(at: 8)
        let slot = rtpSources.slot(of: ssrc)
        var index = UInt64(sequence)
        if let slot {
            let window = rtpSources.window(at: slot)
            guard let guess = Self.extend(sequence, near: window.highest) else {
                return .rejected(.tooOld)
            }
            index = guess
            if let rejection = window.rejection(of: index) { return .rejected(rejection) }
        }
        let opened = rtp.openRTP(
            packet, headerLength: headerLength, length: length, ssrc: ssrc, index: index)
        guard opened >= 0 else { return .rejected(.authenticationFailed) }
        rtpSources.insert(index, ssrc: ssrc, slot: slot)
        return .ok(length: opened, extendedSequence: index)
    }

    /// Authenticates and decrypts a compound RTCP packet in place. Nothing is remembered of a
    /// rejected packet.
    public mutating func unprotectRTCP(
        _ packet: UnsafeMutablePointer<UInt8>, length: Int
    ) -> SRTPResult {
        let least =
            SRTPCipher.rtcpHeaderByteCount + SRTPCipher.rtcpTrailerByteCount
            + rtcp.profile.tagByteCount
        guard length >= least else { return .rejected(.tooShort) }
        let word = packet.bigEndianUInt32(at: rtcp.rtcpTrailerOffset(length: length))
        guard word & 0x8000_0000 != 0 else { return .rejected(.notEncrypted) }
        let index = word & 0x7FFF_FFFF
        let ssrc = packet.bigEndianUInt32(at: 4)
        let slot = rtcpSources.slot(of: ssrc)
        if let slot, let rejection = rtcpSources.window(at: slot).rejection(of: UInt64(index)) {
            return .rejected(rejection)
        }
        let opened = rtcp.openRTCP(packet, length: length, ssrc: ssrc, index: index)
        guard opened >= 0 else { return .rejected(.authenticationFailed) }
        rtcpSources.insert(UInt64(index), ssrc: ssrc, slot: slot)
        return .ok(length: opened, extendedSequence: UInt64(index))
    }

    /// The 48-bit index closest to `highest` that ends in `sequence`; nil when it would lie before
    /// the first or after the last. Source: RFC 3711 §3.3.1 and appendix A.
    static func extend(_ sequence: UInt16, near highest: UInt64) -> UInt64? {
        // The distance as a signed 16-bit number; exactly half a turn counts as backwards when
        // the highest number is in the upper half, as the appendix has it.
        let forward = sequence &- UInt16(truncatingIfNeeded: highest)
        let isForward =
            forward < 0x8000
            || (forward == 0x8000 && UInt16(truncatingIfNeeded: highest) < 0x8000)
        if isForward {
            let index = highest &+ UInt64(forward)
            return index < 1 << 48 ? index : nil
        }
        let backward = 0x1_0000 - UInt64(forward)
        return backward <= highest ? highest - backward : nil
    }
}
