/// A 64-bit number in the padding of an Opus packet, to measure the way of a real packet: any
/// decoder plays it and ignores the number.
///
/// The last ten bytes of the padding are the mark `C1 5C` and the number, big-endian.
public enum OpusStamp {
    private static let mark: UInt16 = 0xC15C
    private static let byteCount = 10
    /// The most by which a stamp lengthens a packet: a frame count byte, the padding's length
    /// and the padding.
    public static let overheadBytes = 12

    /// Stamps the packet of `length` bytes at the start of `buffer` and returns its new length,
    /// the same when it already had a stamp. Padding without a stamp is replaced.
    ///
    /// Throws: `bufferTooSmall`, `invalidPacket`.
    public static func write(
        _ stamp: UInt64, into buffer: UnsafeMutableRawBufferPointer, length: Int
    ) throws(OpusError) -> Int {
        guard length > 0 else { throw .invalidPacket }
        guard length <= buffer.count else { throw .bufferTooSmall }
        var newLength = length
        if read(UnsafeRawBufferPointer(rebasing: buffer[..<length])) == nil {
            newLength += overheadBytes
            try OpusPacket.pad(buffer, length: length, to: newLength)
        }
        let start = newLength - byteCount
        buffer.storeBytes(of: mark.bigEndian, toByteOffset: start, as: UInt16.self)
        buffer.storeBytes(of: stamp.bigEndian, toByteOffset: start + 2, as: UInt64.self)
        return newLength
    }

    /// The number in a stamped packet; `nil` for any other bytes.
    public static func read(_ packet: UnsafeRawBufferPointer) -> UInt64? {
        guard OpusPacket.paddingLength(packet) >= byteCount else { return nil }
        let start = packet.count - byteCount
        let found = packet.loadUnaligned(fromByteOffset: start, as: UInt16.self)
        guard found == mark.bigEndian else { return nil }
        return UInt64(
            bigEndian: packet.loadUnaligned(fromByteOffset: start + 2, as: UInt64.self))
    }
}
