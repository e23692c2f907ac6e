import Foundation
import Yams

/// Writes a YAML document as JSON. Keys keep their order, because readers of the contract see the
/// routes in the order in which the document has them; what looks like a time stays text.
enum YAMLToJSON {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: `YamlError` for what is no YAML, `Failure` for what JSON has no form for.
    static func convert(_ yaml: String) throws -> String {
        guard let root = try Yams.compose(yaml: yaml) else {
            throw Failure(description: "the document is empty")
        }
        var text = ""
        try write(root, to: &text)
        return text
    }

    private static func write(_ node: Node, to text: inout String) throws {
        switch node {
        case .mapping(let mapping):
            text += "{"
            for (index, pair) in mapping.enumerated() {
                guard case .scalar(let key) = pair.key else {
                    throw Failure(description: "a key is no text: \(pair.key)")
                }
                if index > 0 { text += "," }
                text += quoted(key.string) + ":"
                try write(pair.value, to: &text)
            }
            text += "}"
        case .sequence(let sequence):
            text += "["
            for (index, element) in sequence.enumerated() {
                if index > 0 { text += "," }
                try write(element, to: &text)
            }
            text += "]"
        case .scalar(let scalar):
            text += try value(scalar, node)
        case .alias(let alias):
            throw Failure(description: "an alias is left: \(alias)")
        }
    }

    private static func value(_ scalar: Node.Scalar, _ node: Node) throws -> String {
        switch node.tag.description {
        case Tag.Name.null.rawValue: return "null"
        case Tag.Name.bool.rawValue:
            guard let bool = node.bool else { break }
            return bool ? "true" : "false"
        case Tag.Name.int.rawValue:
            guard let integer = node.int else { break }
            return String(integer)
        case Tag.Name.float.rawValue:
            guard let number = node.float, number.isFinite else { break }
            return String(number)
        default: return quoted(scalar.string)
        }
        throw Failure(description: "JSON has no form for \(scalar.string)")
    }

    /// Source: RFC 8259 §7.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20:
                quoted += "\\u00" + (scalar.value < 0x10 ? "0" : "")
                quoted += String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
