import Foundation

/// One e-mail to one person: text, and HTML with the pictures that it shows.
/// Source: RFC 5322, RFC 2046 (multipart/alternative), RFC 2387 (multipart/related), RFC 2392
/// (`cid:`), RFC 2047 (encoded words), RFC 8058 (one-click unsubscribe).
public struct MailMessage: Sendable {
    var from: String
    /// Shown instead of the address; plain ASCII of our own.
    var senderName = ""
    var to: String
    var subject: String
    var messageID: String
    var date: Date
    var text: String
    var html: String
    var images: [InlineImage] = []
    var unsubscribe = Unsubscribe()

    /// A picture that the HTML shows as `<img src="cid:…">`.
    struct InlineImage: Sendable, Equatable {
        /// Unique like a message id, and of the same form.
        var contentID: String
        /// `image/png`
        var mediaType: String
        var fileName: String
        var bytes: [UInt8]
    }

    /// How the recipient gets no more of these; URLs of plain ASCII.
    struct Unsubscribe: Sendable, Equatable {
        var url: String?
        var mailto: String?
    }

    /// A field of the header: its name, and its value with folds.
    struct Field: Sendable, Equatable {
        var name: String
        var value: String
    }

    /// The message as SMTP carries it, lines ending in CRLF. All content is base64 or an encoded
    /// word, so that nothing a user wrote can begin a header or end the message.
    ///
    /// - Parameter signer: signs it, when there is one.
    /// - Throws: what signing throws.
    func bytes(signedBy signer: DKIMSigner? = nil) throws -> [UInt8] {
        let body = Array(lines(of: content).joined(separator: "\r\n").utf8)
        var fields = header
        if let signer {
            fields.insert(try signer.signature(of: fields, body: body, at: date), at: 0)
        }
        let header = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array((header + "\r\n").utf8) + body
    }

    private var header: [Field] {
        var fields = [
            Field(name: "From", value: senderName.isEmpty ? from : "\(senderName) <\(from)>"),
            Field(name: "To", value: to),
            Field(name: "Subject", value: encodedWords(subject)),
            Field(name: "Date", value: rfc5322(date)),
            Field(name: "Message-ID", value: "<\(messageID)>"),
            Field(name: "MIME-Version", value: "1.0"),
            Field(name: "Auto-Submitted", value: "auto-generated"),
        ]
        let ways = [unsubscribe.url, unsubscribe.mailto].compactMap { $0 }
        if !ways.isEmpty {
            fields.append(
                Field(
                    name: "List-Unsubscribe",
                    value: ways.map { "<\($0)>" }.joined(separator: ",\r\n ")))
        }
        // Only an HTTPS URL may be posted to without a human (RFC 8058 §3.1).
        if unsubscribe.url?.hasPrefix("https://") == true {
            fields.append(
                Field(name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click"))
        }
        fields.append(Field(name: "Content-Type", value: content.type))
        return fields
    }

    // MARK: Parts

    /// A part of the body; in a multipart the last part is the best, or the first the root.
    private indirect enum Part {
        case leaf(type: String, fields: [Field], bytes: Data)
        case multipart(type: String, boundary: String, parts: [Part])

        var type: String {
            switch self {
            case .leaf(let type, _, _): type
            case .multipart(let type, let boundary, _): "\(type); boundary=\"\(boundary)\""
            }
        }
    }

    /// Alternative (text, related (HTML, pictures)): clients that show no HTML never see the
    /// pictures, and the others show them within the text and not as attachments.
    private var content: Part {
        let boundary = "circles-" + messageID.filter { $0.isLetter || $0.isNumber }.prefix(40)
        let text = Part.leaf(
            type: "text/plain; charset=utf-8", fields: [], bytes: Data(self.text.utf8))
        let html = Part.leaf(type: "text/html; charset=utf-8", fields: [], bytes: Data(html.utf8))
        let pictures = images.map { image in
            Part.leaf(
                type: "\(image.mediaType); name=\"\(image.fileName)\"",
                fields: [
                    Field(name: "Content-ID", value: "<\(image.contentID)>"),
                    Field(
                        name: "Content-Disposition",
                        value: "inline; filename=\"\(image.fileName)\""),
                ],
                bytes: Data(image.bytes))
        }
        let rich =
            pictures.isEmpty
            ? html
            : .multipart(
                // The root's type is said once more (RFC 2387 §3.1).
                type: "multipart/related; type=\"text/html\"", boundary: boundary + "-related",
                parts: [html] + pictures)
        return .multipart(
            type: "multipart/alternative", boundary: boundary, parts: [text, rich])
    }

    private func lines(of part: Part) -> [String] {
        switch part {
        case .leaf(_, _, let bytes):
            return [
                bytes.base64EncodedString(options: [
                    .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
                ])
            ]
        case .multipart(_, let boundary, let parts):
            var lines: [String] = []
            for part in parts {
                lines += ["--\(boundary)", "Content-Type: \(part.type)"]
                if case .leaf(_, let fields, _) = part {
                    lines.append("Content-Transfer-Encoding: base64")
                    lines += fields.map { "\($0.name): \($0.value)" }
                }
                lines += [""] + self.lines(of: part)
            }
            return lines + ["--\(boundary)--", ""]
        }
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
