import Domain

/// A Swift value with a binary PostgreSQL form.
/// Source: PostgreSQL 15, `*_send` and `*_recv` in src/backend/utils/adt.
public protocol PostgresEncodable: Sendable {
    /// The type's OID in `pg_type`.
    static var oid: UInt32 { get }
    /// The OID of the array of this type.
    static var arrayOID: UInt32 { get }
    /// Appends the value, without its length.
    func encode(into bytes: inout [UInt8])
}

/// A Swift value read from a binary result column.
public protocol PostgresDecodable {
    /// - Parameter oid: the column's type.
    /// - Returns: `nil` when the column's type or width is not this value's.
    init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32)
}

/// The `pg_type` OIDs that we read and write.
@usableFromInline
enum TypeOID {
    @usableFromInline static let bool: UInt32 = 16
    @usableFromInline static let bytea: UInt32 = 17
    @usableFromInline static let int8: UInt32 = 20
    @usableFromInline static let int2: UInt32 = 21
    @usableFromInline static let int4: UInt32 = 23
    @usableFromInline static let text: UInt32 = 25
    @usableFromInline static let json: UInt32 = 114
    @usableFromInline static let float8: UInt32 = 701
    @usableFromInline static let varchar: UInt32 = 1043
    @usableFromInline static let timestamptz: UInt32 = 1184
    @usableFromInline static let uuid: UInt32 = 2950
    @usableFromInline static let name: UInt32 = 19
}

extension [UInt8] {
    @inlinable
    @inline(__always)
    mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    func loadBigEndian<Value: FixedWidthInteger>(_: Value.Type) -> Value {
        Value(bigEndian: loadUnaligned(as: Value.self))
    }
}

extension Bool: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.bool }
    @inlinable public static var arrayOID: UInt32 { 1000 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(self ? 1 : 0)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.bool, bytes.count == 1 else { return nil }
        self = bytes[0] != 0
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.int8 }
    @inlinable public static var arrayOID: UInt32 { 1016 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        switch (oid, bytes.count) {
        case (TypeOID.int8, 8): self = bytes.loadBigEndian(Int64.self)
        case (TypeOID.int4, 4): self = Int64(bytes.loadBigEndian(Int32.self))
        case (TypeOID.int2, 2): self = Int64(bytes.loadBigEndian(Int16.self))
        default: return nil
        }
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.int8 }
    @inlinable public static var arrayOID: UInt32 { Int64.arrayOID }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int64(self))
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard let value = Int64(postgres: bytes, oid: oid) else { return nil }
        self = Int(value)
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.int4 }
    @inlinable public static var arrayOID: UInt32 { 1007 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(self)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.int4, bytes.count == 4 else { return nil }
        self = bytes.loadBigEndian(Int32.self)
    }
}

extension Double: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.float8 }
    @inlinable public static var arrayOID: UInt32 { 1022 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(bitPattern)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.float8, bytes.count == 8 else { return nil }
        self = Double(bitPattern: bytes.loadBigEndian(UInt64.self))
    }
}

extension String: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.text }
    @inlinable public static var arrayOID: UInt32 { 1009 }

    /// PostgreSQL's text holds no NUL: callers refuse one at the edge, and one that gets here
    /// all the same ends in a DatabaseError (22021), not in a cut string.
    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: utf8)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        switch oid {
        case TypeOID.text, TypeOID.varchar, TypeOID.json, TypeOID.name:
            self.init(decoding: bytes, as: UTF8.self)
        default: return nil
        }
    }
}

/// A `bytea`.
public struct Bytes: PostgresEncodable, PostgresDecodable, Hashable {
    @inlinable public static var oid: UInt32 { TypeOID.bytea }
    @inlinable public static var arrayOID: UInt32 { 1001 }

    public let array: [UInt8]

    public init(_ array: [UInt8]) {
        self.array = array
    }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: array)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.bytea else { return nil }
        array = Array(bytes)
    }
}

extension Identifier: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.uuid }
    @inlinable public static var arrayOID: UInt32 { 2951 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(high)
        bytes.appendBigEndian(low)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.uuid else { return nil }
        self.init(bytes: bytes)
    }
}

extension Timestamp: PostgresEncodable, PostgresDecodable {
    @inlinable public static var oid: UInt32 { TypeOID.timestamptz }
    @inlinable public static var arrayOID: UInt32 { 1185 }

    /// 2000-01-01T00:00:00Z, PostgreSQL's epoch, in microseconds since 1970.
    @usableFromInline static var postgresEpoch: Int64 { 946_684_800_000_000 }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(microseconds &- Self.postgresEpoch)
    }

    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == TypeOID.timestamptz, bytes.count == 8 else { return nil }
        self.init(microseconds: bytes.loadBigEndian(Int64.self) &+ Self.postgresEpoch)
    }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    @inlinable public static var oid: UInt32 { Element.arrayOID }
    /// PostgreSQL has no type for an array of arrays.
    @inlinable public static var arrayOID: UInt32 { Element.arrayOID }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        encodePostgresArray(self, of: Element.oid, hasNull: false, into: &bytes) { element, bytes in
            bytes.appendSized(element)
        }
    }
}

/// A `jsonb` given as text, for COPY.
public struct JSONB: PostgresEncodable {
    @inlinable public static var oid: UInt32 { 3802 }
    @inlinable public static var arrayOID: UInt32 { 3807 }

    @usableFromInline let text: String

    @inlinable
    public init(_ text: String) {
        self.text = text
    }

    /// The version of the binary form, and the text. Source: `jsonb_recv`.
    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(1)
        bytes.append(contentsOf: text.utf8)
    }
}

/// A column of values of which some are null, as one array parameter.
public struct OptionalArray<Element: PostgresEncodable>: PostgresEncodable {
    @inlinable public static var oid: UInt32 { Element.arrayOID }
    @inlinable public static var arrayOID: UInt32 { Element.arrayOID }

    @usableFromInline let elements: [Element?]

    @inlinable
    public init(_ elements: [Element?]) {
        self.elements = elements
    }

    @inlinable
    public func encode(into bytes: inout [UInt8]) {
        encodePostgresArray(elements, of: Element.oid, hasNull: true, into: &bytes) {
            element, bytes in
            if let element {
                bytes.appendSized(element)
            } else {
                bytes.appendBigEndian(Int32(-1))
            }
        }
    }
}

@inlinable
func encodePostgresArray<Element>(
    _ elements: [Element], of oid: UInt32, hasNull: Bool, into bytes: inout [UInt8],
    each: (Element, inout [UInt8]) -> Void
) {
    bytes.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
    bytes.appendBigEndian(Int32(hasNull ? 1 : 0))
    bytes.appendBigEndian(oid)
    guard !elements.isEmpty else { return }
    bytes.appendBigEndian(Int32(elements.count))
    bytes.appendBigEndian(Int32(1))
    for element in elements {
        each(element, &bytes)
    }
}

extension [UInt8] {
    /// Appends a value behind its four-byte length, as in arrays and COPY rows.
    @inlinable
    mutating func appendSized(_ value: some PostgresEncodable) {
        let start = count
        appendBigEndian(Int32(0))
        value.encode(into: &self)
        let size = Int32(count - start - 4).bigEndian
        Swift.withUnsafeBytes(of: size) { size in
            for index in 0..<4 {
                self[start + index] = size[index]
            }
        }
    }
}

extension [String]: PostgresDecodable {
    /// Reads a one-dimensional `text[]` without nulls.
    public init?(postgres bytes: UnsafeRawBufferPointer, oid: UInt32) {
        guard oid == String.arrayOID, bytes.count >= 12 else { return nil }
        func int32(_ offset: Int) -> Int? {
            guard offset + 4 <= bytes.count else { return nil }
            return Int(
                Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        self = []
        guard let dimensionCount = int32(0), dimensionCount <= 1 else { return nil }
        guard dimensionCount == 1 else { return }
        guard let elementCount = int32(12) else { return nil }
        var offset = 20
        for _ in 0..<elementCount {
            guard let size = int32(offset), size >= 0, offset + 4 + size <= bytes.count else {
                return nil
            }
            append(
                String(
                    decoding: UnsafeRawBufferPointer(
                        rebasing: bytes[(offset + 4)..<(offset + 4 + size)]),
                    as: UTF8.self))
            offset += 4 + size
        }
    }
}
