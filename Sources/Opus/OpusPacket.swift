internal import COpus

/// What can be done to an Opus packet without decoding it.
public enum OpusPacket {
    /// Adds padding, which decoders ignore, to the packet of `length` bytes at the start of
    /// `buffer`, so that it has `newLength`. Padding that it had is replaced.
    ///
    /// Source: RFC 6716 §3.2.5.
    /// Throws: `bufferTooSmall`, `badArgument` when `newLength` is shorter, `invalidPacket`.
    public static func pad(
        _ buffer: UnsafeMutableRawBufferPointer, length: Int, to newLength: Int
    ) throws(OpusError) {
        guard let bytes = buffer.baseAddress, length <= buffer.count, newLength <= buffer.count
        else { throw .bufferTooSmall }
        _ = try OpusError.check(
            opus_packet_pad(
                bytes.assumingMemoryBound(to: UInt8.self), Int32(clamping: length),
                Int32(clamping: newLength)))
    }

    /// How many bytes of padding end the packet; 0 also for bytes that are no packet.
    ///
    ///      0 1 2 3 4 5 6 7   0 1 2 3 4 5 6 7
    ///     +---------+-+---+ +-+-+-----------+ +- - - - - - - - - -+
    ///     | config  |s|1|1| |v|p|     M     | | padding length... |
    ///     +---------+-+---+ +-+-+-----------+ +- - - - - - - - - -+
    ///
    /// Source: RFC 6716 §3.2.5.
    public static func paddingLength(_ packet: UnsafeRawBufferPointer) -> Int {
        guard packet.count >= 3, packet[0] & 3 == 3, packet[1] & 0x40 != 0 else { return 0 }
        var padding = 0
        var position = 2
        while position < packet.count {
            let byte = Int(packet[position])
            position += 1
            // 255 stands for 254 bytes and another length byte.
            padding += min(byte, 254)
            guard byte == 255 else {
                return padding <= packet.count - position ? padding : 0
            }
        }
        return 0
    }
}
