import Foundation
import Testing

/// A message taken apart again, by other means than it was put together.
struct ReadMessage {
    /// The header's fields in order, folded lines still folded.
    let fields: [(name: String, value: String)]
    /// The bodies of the parts by content type, decoded from base64.
    let parts: [String: String]
    /// All lines as they stand, without their CRLF.
    let lines: [String]

    /// Source: RFC 5322 §2.2.3 for folding, RFC 2046 §5.1.1 for parts.
    init(_ bytes: [UInt8]) throws {
        let text = try #require(String(validating: bytes, as: UTF8.self))
        lines = text.components(separatedBy: "\r\n")
        let split = try #require(lines.firstIndex(of: ""))
        var fields: [(name: String, value: String)] = []
        for line in lines[..<split] {
            if line.hasPrefix(" ") {
                try #require(!fields.isEmpty)
                fields[fields.count - 1].value += "\r\n" + line
            } else {
                let colon = try #require(line.firstIndex(of: ":"), "no field: \(line)")
                fields.append(
                    (String(line[..<colon]), String(line[line.index(after: colon)...].dropFirst())))
            }
        }
        self.fields = fields
        let type = try #require(fields.first { $0.name == "Content-Type" }?.value)
        let boundary = try #require(type.components(separatedBy: "boundary=\"").last?.dropLast())
        parts = try Self.parts(Array(lines[(split + 1)...]), boundary: String(boundary))
    }

    func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    private static func parts(_ lines: [String], boundary: String) throws -> [String: String] {
        var parts: [String: String] = [:]
        // An inner boundary begins like the outer one.
        let ends = ["--\(boundary)", "--\(boundary)--"]
        let marks = lines.indices.filter { ends.contains(lines[$0]) }
        try #require(lines[try #require(marks.last)] == "--\(boundary)--")
        for (begin, end) in zip(marks, marks.dropFirst()) {
            let part = Array(lines[(begin + 1)..<end])
            let blank = try #require(part.firstIndex(of: ""))
            let type = try #require(part.first { $0.hasPrefix("Content-Type: ") })
            if type.hasPrefix("Content-Type: multipart/") {
                let inner = try #require(
                    type.components(separatedBy: "boundary=\"").last?.dropLast())
                parts.merge(
                    try Self.parts(Array(part[(blank + 1)...]), boundary: String(inner))
                ) { first, _ in first }
                continue
            }
            try #require(part[..<blank].contains("Content-Transfer-Encoding: base64"))
            let data = try #require(Data(base64Encoded: part[(blank + 1)...].joined()))
            let isText = type.hasPrefix("Content-Type: text/")
            let content =
                isText
                ? try #require(String(validating: data, as: UTF8.self)) : data.base64EncodedString()
            parts[String(type.dropFirst(14).prefix { $0 != ";" })] = content
        }
        return parts
    }
}

/// The encoded words of a field's value, each as the bytes that it stands for.
/// Source: RFC 2047 §2.
func encodedWords(_ value: String) throws -> [(word: String, bytes: [UInt8])] {
    try value.components(separatedBy: "\r\n ").map { word in
        try #require(word.hasPrefix("=?utf-8?B?") && word.hasSuffix("?="), "\(word)")
        let data = try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2))))
        return (word, Array(data))
    }
}
