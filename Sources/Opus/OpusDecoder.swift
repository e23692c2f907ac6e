internal import COpus

/// An Opus decoder at 48 kHz. libopus: "a single codec state may only be accessed from a single
/// thread at a time".
///
/// Source: RFC 6716.
public final class OpusDecoder {
    private let handle: OpaquePointer
    private let channels: Int

    /// `channels` is 1 or 2, whatever the packets have.
    public init(channels: Int = 1) throws(OpusError) {
        var code = OPUS_OK
        let created = opus_decoder_create(48_000, Int32(clamping: channels), &code)
        guard let created, code == OPUS_OK else { throw OpusError(code: code) }
        handle = created
        self.channels = channels
    }

    deinit {
        opus_decoder_destroy(handle)
    }

    /// Decodes a packet into interleaved samples and returns how many there are per channel.
    ///
    /// `nil` for a packet that is lost: conceals the length of `pcm`. With `fec`, `packet` is the
    /// one after a lost one, and what it says of that one is decoded, again of the length of
    /// `pcm`, which must then be the lost frame's.
    ///
    /// Throws: `invalidPacket`, `bufferTooSmall`, `badArgument` for a concealed length that is
    /// not a multiple of 2.5 ms.
    public func decode(
        _ packet: UnsafeRawBufferPointer?, into pcm: UnsafeMutableBufferPointer<Int16>,
        fec: Bool = false
    ) throws(OpusError) -> Int {
        guard let samples = pcm.baseAddress else { throw .bufferTooSmall }
        if let packet, packet.isEmpty { throw .invalidPacket }
        return try OpusError.check(
            opus_decode(
                handle, packet?.baseAddress?.assumingMemoryBound(to: UInt8.self),
                Int32(clamping: packet?.count ?? 0), samples,
                Int32(clamping: pcm.count / channels), fec ? 1 : 0))
    }
}
