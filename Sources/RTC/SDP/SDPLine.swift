/// One line of a description: a letter and a value.
struct SDPLine {
    /// From 1.
    let number: Int
    let type: UInt8
    let value: Substring

    static let byteCountMax = 65_536
    static let countMax = 4096

    /// Splits a text at its line ends, of which the carriage return may be missing. Empty lines
    /// are skipped.
    static func lines(of text: [UInt8]) throws(SDPParseError) -> [SDPLine] {
        guard text.count <= byteCountMax else { throw .tooLarge }
        var lines: [SDPLine] = []
        var number = 0
        for bytes in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var bytes = bytes
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            guard let type = bytes.first else { continue }
            guard lines.count < countMax else { throw .tooManyLines }
            let value = bytes.dropFirst(2)
            guard bytes.dropFirst().first == UInt8(ascii: "="),
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(type),
                // What is read is written again: no line of ours may break.
                value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            else { throw .malformedLine(number) }
            lines.append(
                SDPLine(
                    number: number, type: type,
                    value: Substring(String(decoding: value, as: UTF8.self))))
        }
        return lines
    }
}

extension Substring {
    /// The words between spaces.
    var words: [Substring] {
        utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) }
    }

    /// What is before and after the first such character; `nil` without one.
    func cut(at separator: Unicode.Scalar) -> (before: Substring, after: Substring)? {
        guard let index = utf8.firstIndex(of: UInt8(ascii: separator)) else { return nil }
        return (Substring(utf8[..<index]), Substring(utf8[utf8.index(after: index)...]))
    }

    /// A decimal number without a sign.
    func number<Number: FixedWidthInteger>(as type: Number.Type = Number.self) -> Number? {
        guard let first = utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else {
            return nil
        }
        return Number(self)
    }
}
