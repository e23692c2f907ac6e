internal import CZlib

/// Compresses a whole body. Source: RFC 1952.
///
/// - Returns: `nil` when zlib has no memory for it.
func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    // 15: the largest window; 16 more asks for a gzip wrapper. 8: zlib's default memory.
    let (windowBits, memoryLevel, level): (Int32, Int32, Int32) = (15 + 16, 8, 5)
    var stream = z_stream()
    let status = deflateInit2_(
        &stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var input = bytes
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    var isDone = false
    let output = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(bound)
            // One call is enough: the output has room for the worst case.
            isDone = deflate(&stream, Z_FINISH) == Z_STREAM_END
            count = bound - Int(stream.avail_out)
        }
    }
    return isDone ? output : nil
}
