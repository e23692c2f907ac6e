/// The blocks of a report, read as they are asked for.
public struct ReportBlocks: RandomAccessCollection {
    private let bytes: UnsafeRawBufferPointer

    /// `bytes` is a whole number of blocks.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { bytes.count / ReportBlock.byteCount }

    public subscript(position: Int) -> ReportBlock {
        precondition(indices.contains(position), "an index of the collection")
        return ReportBlock(bytes, at: position * ReportBlock.byteCount)
    }
}
