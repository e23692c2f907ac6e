// Network byte order, unaligned. The caller has checked that the bytes are there.
extension UnsafeMutablePointer<UInt8> {
    func bigEndianUInt16(at offset: Int) -> UInt16 {
        UInt16(
            bigEndian: UnsafeRawPointer(self).loadUnaligned(
                fromByteOffset: offset, as: UInt16.self))
    }

    func bigEndianUInt32(at offset: Int) -> UInt32 {
        UInt32(
            bigEndian: UnsafeRawPointer(self).loadUnaligned(
                fromByteOffset: offset, as: UInt32.self))
    }
}
