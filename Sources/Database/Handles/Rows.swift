internal import CPostgres

/// The rows that a statement returned, owned until the last reference goes.
public final class Rows {
    private let handle: OpaquePointer
    public let count: Int
    /// How many rows the statement inserted, updated, deleted or returned.
    public var affectedCount: Int {
        PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    init(_ handle: OpaquePointer) {
        self.handle = handle
        count = Int(PQntuples(handle))
    }

    deinit {
        PQclear(handle)
    }

    public subscript(row: Int) -> Row {
        precondition(row >= 0 && row < count, "row index within the result")
        return Row(rows: self, index: Int32(row))
    }

    public var first: Row? { count > 0 ? self[0] : nil }

    public func map<Value>(_ transform: (Row) throws -> Value) rethrows -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            values.append(try transform(self[index]))
        }
        return values
    }

    /// What the server says it did: `COMMIT`, `INSERT 0 1` …
    var commandTag: String { String(cString: PQcmdStatus(handle)) }

    var columnNames: [String] {
        (0..<PQnfields(handle)).map { String(cString: PQfname(handle, $0)) }
    }

    @usableFromInline
    func bytes(row: Int32, column: Int32) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(handle, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
    }

    @usableFromInline
    func oid(column: Int32) -> UInt32 { PQftype(handle, column) }

    @usableFromInline
    var columnCount: Int32 { PQnfields(handle) }
}

/// One row; its columns are read by position.
public struct Row {
    @usableFromInline let rows: Rows
    @usableFromInline let index: Int32

    // Inlinable: without a type of its own, each value costs a look-up of its type at run time.

    /// - Throws: `DatabaseError` (`CIRCD`) when the column is null or of another type.
    @inlinable
    public func get<Value: PostgresDecodable>(
        _ column: Int, as _: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        guard let value: Value = try optional(column) else {
            throw mismatch(column, "is null", Value.self)
        }
        return value
    }

    /// - Throws: `DatabaseError` (`CIRCD`) when the column is of another type.
    @inlinable
    public func optional<Value: PostgresDecodable>(
        _ column: Int, as _: Value.Type = Value.self
    ) throws(DatabaseError) -> Value? {
        guard column >= 0, column < rows.columnCount else {
            throw mismatch(column, "does not exist", Value.self)
        }
        guard let bytes = rows.bytes(row: index, column: Int32(column)) else { return nil }
        let oid = rows.oid(column: Int32(column))
        guard let value = Value(postgres: bytes, oid: oid) else {
            throw mismatch(column, "has type \(oid)", Value.self)
        }
        return value
    }

    /// Runs `body` on the column's bytes in place; `nil` for null.
    public func withBytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer?) -> Result)
        -> Result
    {
        body(rows.bytes(row: index, column: Int32(column)))
    }

    @usableFromInline
    func mismatch(_ column: Int, _ what: String, _ type: Any.Type) -> DatabaseError {
        DatabaseError(
            code: DatabaseError.decodingCode,
            message: "column \(column) \(what), expected \(type)", operation: "read row")
    }
}

/// The rows of a statement as PostgreSQL prints them.
public struct TextRows {
    private let rows: Rows
    public let columns: [String]
    public var count: Int { rows.count }
    /// Whether a column holds numbers, for alignment.
    public let isNumeric: [Bool]

    init(_ rows: Rows) {
        self.rows = rows
        columns = rows.columnNames
        let numeric: Set<UInt32> = [
            TypeOID.int2, TypeOID.int4, TypeOID.int8, TypeOID.float8, 700, 1700,
        ]
        isNumeric = (0..<rows.columnCount).map { numeric.contains(rows.oid(column: $0)) }
    }

    /// `nil` is SQL null.
    public subscript(row: Int, column: Int) -> String? {
        rows.bytes(row: Int32(row), column: Int32(column))
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
