/// The checksum of ISO 3309 / ITU-T V.42, as STUN's FINGERPRINT uses it.
///
/// Source: RFC 8489 §14.7.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 {
            value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
        }
        return value
    }

    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var value: UInt32 = 0xFFFF_FFFF
            for byte in bytes {
                value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ value >> 8
            }
            return ~value
        }
    }
}
