/// A statement whose interpolations are bind parameters, never text.
///
///     let row = try connection.query("select title from circles where circle_id = \(id)")
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    public private(set) var text: String
    public private(set) var binds: [Bind]

    public init(stringLiteral value: String) {
        text = value
        binds = []
    }

    /// Text from our own files (a migration, a report), never from outside.
    public init(trusted text: String, binds: [Bind] = []) {
        self.text = text
        self.binds = binds
    }

    public init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        binds = stringInterpolation.binds
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var binds: [Bind] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
            binds.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: String) {
            text += literal
        }

        @inlinable
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            append(Bind(value))
        }

        @inlinable
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            append(Bind(optional: value))
        }

        /// A part of a statement with parameters of its own.
        public mutating func appendInterpolation(_ part: SQL) {
            // Its parameters are numbered on from ours; they are the only `$` in it.
            let pieces = part.text.utf8.split(
                separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
            precondition(pieces.count == part.binds.count + 1, "a `$` is a parameter")
            text += String(Substring(pieces[0]))
            for (bind, piece) in zip(part.binds, pieces.dropFirst()) {
                append(bind)
                text += String(Substring(piece.drop { (48...57).contains($0) }))
            }
        }

        /// An identifier or fragment from our own code, never from outside.
        public mutating func appendInterpolation(trusted fragment: String) {
            text += fragment
        }

        @usableFromInline
        mutating func append(_ bind: Bind) {
            binds.append(bind)
            text += "$\(binds.count)"
        }
    }
}

/// One parameter in PostgreSQL's binary format.
public struct Bind: Sendable {
    @usableFromInline let oid: UInt32
    /// `nil` is SQL null.
    @usableFromInline let bytes: [UInt8]?

    @inlinable
    public init<Value: PostgresEncodable>(_ value: Value) {
        self.init(optional: value)
    }

    @inlinable
    public init<Value: PostgresEncodable>(optional value: Value?) {
        oid = Value.oid
        bytes = value.map { value in
            var bytes: [UInt8] = []
            value.encode(into: &bytes)
            return bytes
        }
    }
}
