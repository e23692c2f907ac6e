/// What users wrote, made fit for a mail.
enum HTMLText {
    /// Scalars of one line at most; a title has fewer characters, but one may be of any length.
    private static let scalarCountMax = 240

    /// One line of bounded length that cannot turn the direction of what stands around it.
    static func line(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        var isBroken = false
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A...0x0D, 0x85, 0x2028, 0x2029: isBroken = true
            // Other control characters, and those of direction (Unicode UAX #9 §2).
            case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
                continue
            default:
                guard line.count < scalarCountMax else {
                    line.append("\u{2026}")
                    return String(line)
                }
                if isBroken, !line.isEmpty { line.append(" ") }
                isBroken = false
                line.append(scalar)
            }
        }
        return String(line)
    }

    /// By scalars; Mustache escapes by characters, within which a tag could hide behind a mark.
    static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
