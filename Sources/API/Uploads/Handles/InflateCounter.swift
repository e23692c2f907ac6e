internal import CZlib

/// Inflates a zlib stream that comes in pieces, and keeps only how long it was: what is
/// compressed may be a thousand times its size, and no more than 64 KiB of it are ever there.
///
/// zlib: "all the functions are thread-safe" for streams of their own; one task owns each.
/// Source: RFC 1950, RFC 1951.
final class InflateCounter {
    /// Bytes that came out so far.
    private(set) var byteCount = 0
    /// Whether the stream's end, with a right checksum, has been reached.
    private(set) var isFinished = false

    // zlib remembers where its stream is, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch: UnsafeMutableBufferPointer<UInt8>

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        scratch = .allocate(capacity: 64 << 10)
        let code = inflateInit_(stream, zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib has memory and is the version that we were built with")
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        scratch.deallocate()
    }

    /// Inflates the next piece.
    ///
    /// - Parameter byteCountMax: how much may have come out in all.
    /// - Throws: `.inflatesTooFar` past that, `.malformed` for a stream that is broken or goes
    ///   on after its end.
    func feed(_ input: ArraySlice<UInt8>, byteCountMax: Int) throws(ImageDefect) {
        let defect = input.withUnsafeBufferPointer { inflate($0, byteCountMax) }
        if let defect { throw defect }
    }

    private func inflate(
        _ input: UnsafeBufferPointer<UInt8>, _ byteCountMax: Int
    ) -> ImageDefect? {
        guard !input.isEmpty else { return nil }
        guard !isFinished else { return .malformed("has data after its compressed stream") }
        // zlib does not write to its input; its type says so only in newer headers.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            stream.pointee.next_out = scratch.baseAddress
            stream.pointee.avail_out = UInt32(scratch.count)
            let code = CZlib.inflate(stream, Z_NO_FLUSH)
            byteCount += scratch.count - Int(stream.pointee.avail_out)
            guard byteCount <= byteCountMax else { return .inflatesTooFar }
            switch code {
            case Z_STREAM_END:
                isFinished = true
                return stream.pointee.avail_in == 0
                    ? nil : .malformed("has data after its compressed stream")
            case Z_OK: continue
            case Z_BUF_ERROR: return nil  // it wants the next piece
            default: return .malformed("has a broken compressed stream")
            }
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
        return nil
    }
}

/// CRC-32 as PNG uses it. Source: PNG, third edition, §5.5.
func crc32(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBufferPointer { Int(CZlib.crc32(0, $0.baseAddress, UInt32($0.count))) }
}
