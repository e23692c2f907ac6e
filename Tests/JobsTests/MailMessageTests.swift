import Foundation
import Testing

@testable import Jobs

@Suite("MailMessage (RFC 5322, RFC 2046, RFC 2047)")
struct MailMessageTests {
    private func message(
        subject: String = "Hello", text: String = "text\n", html: String = "<p>html</p>\n"
    ) -> MailMessage {
        MailMessage(
            from: "circles@example.org", to: "ada@example.org", subject: subject,
            messageID: "summary.019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb@circles",
            date: Date(timeIntervalSince1970: 1_795_426_200), text: text, html: html)
    }

    private static let fieldNames = [
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted",
        "Content-Type",
    ]

    private static let hostile = [
        "a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org", "a\rBcc: eve@example.org",
        "a\r\n\r\n<script>", "\r\n.\r\nMAIL FROM:<eve@example.org>", "a\u{0}b", "?=\r\n =?utf-8?B?",
        "\u{2028}Bcc: eve@example.org", "\u{85}Bcc: eve@example.org", "", " ", "\t",
        "\u{202E}gnp.exe", "--circles-summary019aaaaaaaaa7aaa8bbbbbbbbbbbbbbb--",
    ]

    // MARK: The header

    @Test("the header has its fields in order and says what it should")
    func hasItsFields() throws {
        let read = try ReadMessage(message().bytes())
        #expect(read.fields.map(\.name) == Self.fieldNames)
        #expect(read.value("From") == "circles@example.org")
        #expect(read.value("To") == "ada@example.org")
        #expect(read.value("Date") == "Mon, 23 Nov 2026 09:30:00 +0000")
        #expect(
            read.value("Message-ID")
                == "<summary.019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb@circles>")
        #expect(read.value("MIME-Version") == "1.0")
        #expect(read.value("Auto-Submitted") == "auto-generated")
    }

    @Test("no subject adds a field, ends the header or is lost", arguments: hostile)
    func holdsHostileSubjects(subject: String) throws {
        let read = try ReadMessage(message(subject: subject).bytes())
        #expect(read.fields.map(\.name) == Self.fieldNames)
        #expect(Set(read.parts.keys) == ["text/plain", "text/html"])
        let value = try #require(read.value("Subject"))
        guard !subject.isEmpty else {
            #expect(value == "")
            return
        }
        #expect(try encodedWords(value).flatMap(\.bytes) == Array(subject.utf8))
    }

    @Test(
        "a subject is encoded words of at most 75 characters, each of whole characters",
        arguments: [
            "x", String(repeating: "x", count: 45), String(repeating: "x", count: 46),
            String(repeating: "x", count: 500), String(repeating: "é", count: 200),
            String(repeating: "€", count: 200), String(repeating: "🎧", count: 200),
            "a" + String(repeating: "€", count: 200), "ab" + String(repeating: "🎧", count: 200),
            String(repeating: "👩‍👩‍👧", count: 60), "e\u{301} Your circle “Ελληνικά” in numbers",
        ])
    func encodesSubjects(subject: String) throws {
        let value = try #require(
            try ReadMessage(message(subject: subject).bytes()).value("Subject"))
        let words = try encodedWords(value)
        #expect(words.allSatisfy { $0.word.utf8.count <= 75 })
        #expect(words.allSatisfy { String(validating: $0.bytes, as: UTF8.self) != nil })
        #expect(words.flatMap(\.bytes) == Array(subject.utf8))
    }

    @Test("a character longer than an encoded word leaves each word sound")
    func cutsLongCharacters() throws {
        // One grapheme of 121 bytes; 45 bytes of it end inside a scalar.
        let subject = "e" + String(repeating: "\u{20D0}", count: 40) + "!"
        let value = try #require(
            try ReadMessage(message(subject: subject).bytes()).value("Subject"))
        let words = try encodedWords(value)
        #expect(words.allSatisfy { $0.word.utf8.count <= 75 })
        #expect(words.allSatisfy { String(validating: $0.bytes, as: UTF8.self) != nil })
    }

    // MARK: The body

    @Test(
        "both parts decode to what went in",
        arguments: hostile + [String(repeating: "Ελληνικά 🎧 ", count: 5000), ".", "\r\n.\r\n"])
    func keepsContent(content: String) throws {
        let read = try ReadMessage(message(text: content, html: content + "<br>").bytes())
        #expect(read.parts["text/plain"] == content)
        #expect(read.parts["text/html"] == content + "<br>")
    }

    @Test("text comes before HTML: the last part is the best (RFC 2046 §5.1.4)")
    func ordersParts() throws {
        let read = try ReadMessage(message().bytes())
        let types = read.lines.filter { $0.hasPrefix("Content-Type: text/") }
        #expect(
            types == [
                "Content-Type: text/plain; charset=utf-8", "Content-Type: text/html; charset=utf-8",
            ])
    }

    // MARK: The lines

    @Test("lines end in CRLF, are ASCII and not longer than SMTP allows", arguments: hostile)
    func hasSoundLines(content: String) throws {
        let long = String(repeating: content + "é", count: 300)
        let bytes = try message(subject: long, text: long, html: long).bytes()
        #expect(bytes.allSatisfy { $0 < 0x80 && $0 != 0 })
        #expect(bytes.suffix(2) == [0x0D, 0x0A])
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A { try #require(index > 0 && bytes[index - 1] == 0x0D, "\(index)") }
            if byte == 0x0D { try #require(bytes[index + 1] == 0x0A, "\(index)") }
        }
        let read = try ReadMessage(bytes)
        #expect(read.lines.allSatisfy { $0.utf8.count <= 998 })
        // A line that is a dot alone would end the message (RFC 5321 §4.5.2).
        #expect(!read.lines.contains { $0.hasPrefix(".") })
    }

    // MARK: Addresses

    @Test(
        "plain addresses are addresses",
        arguments: [
            "ada@example.org", "a@b", "ada.lovelace+circles@mail.example.org", "a_b-c@x-y.example",
            "!#$%&'*/=?^`{|}~@example.org", String(repeating: "a", count: 250) + "@b.c",
        ])
    func acceptsAddresses(text: String) {
        #expect(MailMessage.isAddress(text))
    }

    @Test(
        "anything that could mean more than one address is none",
        arguments: [
            "", "@", "a@", "@b", "a", "a@b@c", "a@@b", "a b@c", "a@b ", " a@b", "a@b\r\nBcc: e@f",
            "a@b\n", "a@b\r", "a@b\t", "a\u{0}@b", "<a@b>", "Ada <a@b>", "a@b,c@d", "a@b;c@d",
            "a@b (comment)", "\"a b\"@c", "a\\@b", "a@[127.0.0.1]", "group:a@b;", "é@example.org",
            "a@exämple.org", "a\u{7F}@b", "a@b\u{301}", String(repeating: "a", count: 251) + "@b.c",
        ])
    func refusesAddresses(text: String) {
        #expect(!MailMessage.isAddress(text))
    }
}
