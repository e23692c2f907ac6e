/// Reads a file's fields from front to back; past its end it throws.
struct ByteCursor {
    let bytes: [UInt8]
    private(set) var offset: Int
    let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    /// - Parameter range: within the bytes.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    var remainingCount: Int { end - offset }

    /// Steps over `count` bytes.
    ///
    /// - Returns: where they are.
    mutating func take(_ count: Int) throws(ImageDefect) -> Range<Int> {
        guard count >= 0, count <= remainingCount else { throw .truncated }
        defer { offset += count }
        return offset..<(offset + count)
    }

    mutating func byte() throws(ImageDefect) -> UInt8 { bytes[try take(1).lowerBound] }

    /// An unsigned number of up to seven bytes, most significant first.
    mutating func bigEndian(_ byteCount: Int) throws(ImageDefect) -> Int {
        bytes[try take(byteCount)].reduce(0) { $0 << 8 | Int($1) }
    }

    /// An unsigned number of up to seven bytes, least significant first.
    mutating func littleEndian(_ byteCount: Int) throws(ImageDefect) -> Int {
        bytes[try take(byteCount)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Whether the next bytes are those; steps over them if so.
    mutating func has(_ expected: [UInt8]) -> Bool {
        guard expected.count <= remainingCount,
            bytes[offset..<(offset + expected.count)].elementsEqual(expected)
        else { return false }
        offset += expected.count
        return true
    }

    /// Goes to the next byte of this value.
    ///
    /// - Returns: `false` when there is none; the cursor is at the end then.
    mutating func skip(to value: UInt8) -> Bool {
        guard let found = bytes[offset..<end].firstIndex(of: value) else {
            offset = end
            return false
        }
        offset = found
        return true
    }
}
