import Domain

/// A value that writes itself as JSON: the few that are sent thousands of times a second.
///
/// Foundation's encoder, which goes through a tree of dictionaries, took 45 % of the processor
/// time of a page of the directory.
public protocol JSONWritable {
    /// Writes exactly one value.
    func write(into json: inout JSONWriter)
}

/// Writes JSON text in one pass, in the order of the calls. Source: RFC 8259.
///
/// Absent values are left out, never written as null.
public struct JSONWriter: Sendable {
    /// UTF-8.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(byteCapacity: Int = 512) {
        bytes.reserveCapacity(byteCapacity)
    }

    /// The text of one value.
    public static func text(_ value: some JSONWritable) -> [UInt8] {
        var json = JSONWriter()
        value.write(into: &json)
        return json.bytes
    }

    // MARK: Values

    public mutating func object(_ write: (inout JSONWriter) -> Void) {
        nest(UInt8(ascii: "{"), UInt8(ascii: "}"), write)
    }

    public mutating func array<Element>(
        _ elements: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void
    ) {
        nest(UInt8(ascii: "["), UInt8(ascii: "]")) { json in
            for element in elements { write(&json, element) }
        }
    }

    public mutating func string(_ value: String) {
        begin()
        quoted(value)
    }

    public mutating func integer(_ value: Int64) {
        begin()
        bytes.append(contentsOf: String(value).utf8)
    }

    public mutating func bool(_ value: Bool) {
        begin()
        append(value ? "true" : "false")
    }

    // MARK: Members of an object

    /// The name of the member whose value is written next.
    public mutating func name(_ name: StaticString) {
        begin()
        bytes.append(UInt8(ascii: "\""))
        append(name)
        append("\":")
        needsComma = false
    }

    public mutating func member(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        self.name(name)
        string(value)
    }

    public mutating func member(_ name: StaticString, _ value: Int64?) {
        guard let value else { return }
        self.name(name)
        integer(value)
    }

    public mutating func member(_ name: StaticString, _ value: Int?) {
        member(name, value.map { Int64($0) })
    }

    public mutating func member(_ name: StaticString, _ value: Bool) {
        self.name(name)
        bool(value)
    }

    /// RFC 3339.
    public mutating func member(_ name: StaticString, _ value: Timestamp?) {
        member(name, value?.description)
    }

    public mutating func member<Entity>(_ name: StaticString, _ value: Identifier<Entity>?) {
        member(name, value?.description)
    }

    public mutating func member<Choice: RawRepresentable<String>>(
        _ name: StaticString, _ value: Choice?
    ) {
        member(name, value?.rawValue)
    }

    public mutating func member(_ name: StaticString, _ values: [String]) {
        self.name(name)
        array(values) { $0.string($1) }
    }

    public mutating func member(_ name: StaticString, _ value: (some JSONWritable)?) {
        guard let value else { return }
        self.name(name)
        value.write(into: &self)
    }

    public mutating func member(_ name: StaticString, _ values: [some JSONWritable]?) {
        guard let values else { return }
        self.name(name)
        array(values) { $1.write(into: &$0) }
    }

    // MARK: Text

    private mutating func nest(
        _ opening: UInt8, _ closing: UInt8, _ write: (inout JSONWriter) -> Void
    ) {
        begin()
        bytes.append(opening)
        needsComma = false
        write(&self)
        bytes.append(closing)
        needsComma = true
    }

    private mutating func begin() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func append(_ text: StaticString) {
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func quoted(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        var value = value
        let isPlain = value.withUTF8 { text in
            for byte in text where Self.isEscaped(byte) { return false }
            bytes.append(contentsOf: text)
            return true
        }
        if isPlain { return }
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20:
                append("\\u00")
                bytes.append(UInt8(ascii: byte < 0x10 ? "0" : "1"))
                bytes.append(Array("0123456789abcdef".utf8)[Int(byte & 0x0F)])
            default: bytes.append(byte)
            }
        }
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
