import Foundation

/// One e-mail to one person, text and HTML.
/// Source: RFC 5322, RFC 2046 (multipart/alternative), RFC 2047 (encoded words).
public struct MailMessage: Sendable {
    var from: String
    var to: String
    var subject: String
    var messageID: String
    var date: Date
    var text: String
    var html: String

    /// The message as SMTP carries it, lines ending in CRLF. All content is base64 or an encoded
    /// word, so that nothing a user wrote can begin a header or end the message.
    func bytes() -> [UInt8] {
        let boundary = "circles-" + messageID.filter { $0.isLetter || $0.isNumber }.prefix(40)
        var lines = [
            "From: \(from)", "To: \(to)", "Subject: \(encodedWords(subject))",
            "Date: \(rfc5322(date))", "Message-ID: <\(messageID)>", "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
            "Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "",
        ]
        for (type, content) in [("text/plain", text), ("text/html", html)] {
            lines += [
                "--\(boundary)", "Content-Type: \(type); charset=utf-8",
                "Content-Transfer-Encoding: base64", "",
            ]
            lines.append(
                Data(content.utf8).base64EncodedString(options: [
                    .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
                ]))
        }
        lines += ["--\(boundary)--", ""]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// Whether a text may stand as an address in a header and in SMTP: one plain `local@domain`
    /// without spaces, quotes, comments or line breaks.
    public static func isAddress(_ text: String) -> Bool {
        guard text.utf8.count <= 254, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return false }
        return !text.contains { "<>()[]\\,;:\"".contains($0) }
    }
}

/// A header text as base64 encoded words of at most 75 characters.
private func encodedWords(_ text: String) -> String {
    var words: [String] = []
    var chunk: [UInt8] = []
    func flush() {
        guard !chunk.isEmpty else { return }
        words.append("=?utf-8?B?\(Data(chunk).base64EncodedString())?=")
        chunk.removeAll()
    }
    for scalar in text.unicodeScalars {
        let bytes = UTF8.encode(scalar).map(Array.init) ?? []
        if chunk.count + bytes.count > 39 { flush() }
        chunk.append(contentsOf: bytes)
    }
    flush()
    return words.joined(separator: "\r\n ")
}

private func rfc5322(_ date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
    return formatter.string(from: date)
}
