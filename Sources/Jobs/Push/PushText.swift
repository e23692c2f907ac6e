/// Text from users as a push may show it.
enum PushText {
    /// Titles longer than this say no more on a lock screen.
    static let titleByteCountMax = 256

    /// One line without control characters and without those that turn the direction of the text
    /// around them: a title must not repaint the words that we put beside it. Emoji stay whole.
    static func clean(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isBlank(scalar) {
                // A run of blanks is one, none at the begin.
                if let last = scalars.last, last != " " { scalars.append(" ") }
            } else if !isHidden(scalar) {
                scalars.append(scalar)
            }
        }
        if scalars.last == " " { scalars.removeLast() }
        return String(scalars)
    }

    /// Cuts at a grapheme's end, so that no letter loses its accent and no family a child.
    static func cut(_ text: String, byteCountMax: Int = titleByteCountMax) -> String {
        guard text.utf8.count > byteCountMax else { return text }
        let ellipsis = "…"
        var kept = ""
        var count = ellipsis.utf8.count
        for character in text {
            count += character.utf8.count
            guard count <= byteCountMax else { break }
            kept.append(character)
        }
        return kept + ellipsis
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029: true
        default: scalar.properties.generalCategory == .spaceSeparator
        }
    }

    /// Source: Unicode, UAX #9 (explicit directional formatting and implicit marks).
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: scalar.properties.generalCategory == .control
        }
    }
}
