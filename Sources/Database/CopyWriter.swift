/// Writes rows in the binary COPY format.
/// Source: PostgreSQL 15 documentation, COPY, "Binary Format".
public struct CopyWriter {
    @usableFromInline var buffer: [UInt8] = []
    private let send: ([UInt8]) -> Bool
    private static let flushByteCount = 64 << 10

    init(send: @escaping ([UInt8]) -> Bool) {
        self.send = send
        buffer.reserveCapacity(Self.flushByteCount + 4096)
        buffer.append(contentsOf: Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00])
        buffer.appendBigEndian(Int32(0))  // flags
        buffer.appendBigEndian(Int32(0))  // header extension
    }

    /// Begins a row; exactly `columnCount` values follow.
    public mutating func row(columnCount: Int) throws(DatabaseError) {
        if buffer.count >= Self.flushByteCount { try flush() }
        buffer.appendBigEndian(Int16(columnCount))
    }

    @inlinable
    public mutating func append(_ value: some PostgresEncodable) {
        buffer.appendSized(value)
    }

    @inlinable
    public mutating func append(_ value: (some PostgresEncodable)?) {
        if let value {
            buffer.appendSized(value)
        } else {
            buffer.appendBigEndian(Int32(-1))
        }
    }

    mutating func finish() throws(DatabaseError) {
        buffer.appendBigEndian(Int16(-1))
        try flush()
    }

    private mutating func flush() throws(DatabaseError) {
        guard send(buffer) else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: "the server closed the copy",
                operation: "copy")
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
