import MediaCrypto

/// The value of MESSAGE-INTEGRITY.
enum STUNIntegrity {
    /// HMAC-SHA1 over a message up to the attribute at `offset`, with the header's length as if
    /// the message ended after that attribute.
    ///
    /// Source: RFC 8489 §14.5.
    static func compute(
        over bytes: UnsafeRawBufferPointer, upTo offset: Int, key: UnsafeRawBufferPointer,
        into code: UnsafeMutableRawBufferPointer
    ) {
        guard let message = bytes.baseAddress, let result = code.baseAddress else { return }
        let headerCount = STUNFormat.headerByteCount
        withUnsafeTemporaryAllocation(byteCount: headerCount, alignment: 4) { header in
            guard let start = header.baseAddress else { return }
            start.copyMemory(from: message, byteCount: headerCount)
            let length =
                offset - headerCount + STUNFormat.attributeHeaderByteCount
                + STUNFormat.integrityByteCount
            start.storeBigEndian(UInt16(truncatingIfNeeded: length), at: 2)
            hmacSHA1(
                key: key,
                parts: UnsafeRawBufferPointer(header), bytes.part(headerCount..<offset),
                into: result.assumingMemoryBound(to: UInt8.self))
        }
    }
}
