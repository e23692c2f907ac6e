/// The sources that a BYE ends.
///
/// Source: RFC 3550 §6.6.
public struct GoodbyeSources: RandomAccessCollection {
    private let bytes: UnsafeRawBufferPointer

    /// `bytes` is a whole number of 32-bit words.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { bytes.count / 4 }

    public subscript(position: Int) -> UInt32 {
        precondition(indices.contains(position), "an index of the collection")
        return bytes.bigEndian32(at: position * 4)
    }
}
