import Domain
import Foundation
import Testing

@testable import Jobs

@Suite("SummaryMail (the host's summary)")
struct SummaryMailTests {
    private func message(title: String) throws -> MailMessage {
        let facts = SummaryMail.Facts(
            circleID: CircleID(high: 0x019A_AAAA_AAAA_7AAA, low: 0x8BBB_BBBB_BBBB_BBBB),
            title: title, startedAt: Timestamp(seconds: 1_795_426_200),
            endedAt: Timestamp(seconds: 1_795_428_930), memberCount: 41, peakListeners: 37,
            peakSpeakers: 5, totalMinutes: 612.5, handRaiseCount: 9, promotionCount: 3,
            kickCount: 2)
        return try SummaryMail().message(
            facts, from: "circles@example.org", to: "ada@example.org", messageID: "m@circles",
            date: Timestamp(seconds: 1_795_428_931))
    }

    @Test("the message goes from the sender to the host, with its id and date")
    func hasItsEnvelope() throws {
        let message = try message(title: "Talk")
        #expect(message.from == "circles@example.org")
        #expect(message.to == "ada@example.org")
        #expect(message.messageID == "m@circles")
        #expect(message.date == Date(timeIntervalSince1970: 1_795_428_931))
        #expect(message.subject == "Your circle “Talk” in numbers")
    }

    @Test("text and HTML tell all the numbers")
    func tellsNumbers() throws {
        let message = try message(title: "Talk")
        #expect(
            message.text == """
                Talk

                Your circle ran from 2026-11-23 09:30 UTC to 2026-11-23 10:15 UTC.

                Duration:                  45.5 min
                People:                    41
                Most listeners at once:    37
                Most speakers at once:     5
                Participant-minutes:       612.5
                Hands raised:              9
                Brought on stage:          3
                Removed:                   2

                Circle 019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb

                """)
        for value in ["45.5 min", ">41<", ">37<", ">5<", "612.5", ">9<", ">3<", ">2<"] {
            #expect(message.html.contains(value), "\(value)")
        }
        #expect(message.html.contains("019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb"))
    }

    @Test("a title is text in HTML, whatever it looks like")
    func escapesHTML() throws {
        let title = "<script>alert(1)</script> & \"more\" {{circle}} {{{started}}}"
        let html = try message(title: title).html
        #expect(!html.contains("<script"))
        let escaped = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"
        // In the document's title and in its heading.
        #expect(html.components(separatedBy: escaped).count == 3)
        #expect(html.contains("{{circle}} {{{started}}}"))
    }

    @Test(
        "a title cannot hide a tag in a grapheme",
        arguments: ["\u{600}", "\u{6DD}", "\u{70F}", "\u{110BD}"])
    func escapesInsideGraphemes(prepended: String) throws {
        // These join the character after them, so that "<" is not a character of its own.
        let html = try message(title: "\(prepended)<img src=x>\(prepended)</td>").html
        // Every "<" is one that a plain title has as well.
        let plainCount = try message(title: "Talk").html.utf8.count { $0 == UInt8(ascii: "<") }
        #expect(html.utf8.count { $0 == UInt8(ascii: "<") } == plainCount)
    }

    @Test("a title is left as it is in text")
    func leavesText() throws {
        let title = "<b>Q&A</b> with 'Ada' \"L\" {{circle}}"
        let text = try message(title: title).text
        #expect(text.hasPrefix(title + "\n\n"))
    }

    @Test(
        "line breaks in a title become spaces",
        arguments: ["a\r\nb\nc", "a\rb\u{2028}c", "a\u{85}b\u{2029}c", "\na\n\nb\u{B}c\u{C}"])
    func foldsTitles(title: String) throws {
        let message = try message(title: title)
        #expect(message.subject == "Your circle “a b c” in numbers")
        #expect(message.text.hasPrefix("a b c\n\n"))
        #expect(message.html.contains("<title>a b c</title>"))
    }

    @Test("a hostile title leaves a sound message")
    func survivesTheWire() throws {
        let message = try message(title: "x\r\nBcc: eve@example.org\r\n\r\n<script>\u{0}")
        let read = try ReadMessage(message.bytes())
        #expect(read.value("Bcc") == nil)
        #expect(read.parts["text/plain"] == message.text)
        #expect(read.parts["text/html"] == message.html)
        let subject = try encodedWords(try #require(read.value("Subject"))).flatMap(\.bytes)
        #expect(subject == Array(message.subject.utf8))
    }
}
