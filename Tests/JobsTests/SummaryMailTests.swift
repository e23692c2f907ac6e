import Domain
import Foundation
import Testing
import Tokens

@testable import Jobs

@Suite("SummaryMail (the host's summary)")
struct SummaryMailTests {
    private static func mail() throws -> SummaryMail {
        try SummaryMail(
            links: MailLinks(
                reportURL: "https://r.example.org/?c={circleId}",
                publicURL: "https://api.example.org",
                tokens: UnsubscribeTokens(secret: "secret"), unsubscribeAddress: "stop@example.org")
        )
    }

    private func message(title: String) throws -> MailMessage {
        try Self.mail().message(
            .sample(title: title), from: "circles@example.org", to: "ada@example.org",
            recipientUID: "ada", messageID: "m@circles",
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
        let words = message.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for (label, value) in SummaryFacts.sampleLines {
            #expect(words.contains("\(label): \(value)"), "\(label) in \(words)")
            #expect(message.html.contains(">\(label)<"), "\(label)")
            #expect(message.html.contains(">\(value)<"), "\(value)")
        }
        for text in [message.text, message.html] {
            #expect(text.contains("23 Nov 2026, 09:30 to 10:15 UTC"))
            #expect(text.contains("019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb"))
            #expect(text.contains("https://api.example.org/v1/unsubscribe/"))
            #expect(text.contains("https://r.example.org/?c=019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb"))
        }
    }

    @Test("the chart is there, shown by its cid, and described for those who do not see it")
    func showsTheChart() throws {
        let message = try message(title: "Talk")
        let image = try #require(message.images.first)
        #expect(message.images.count == 1 && image.contentID == "chart.m@circles")
        #expect(message.html.contains("src=\"cid:chart.m@circles\""))
        #expect(
            message.html.contains(
                "alt=\"Listeners and people on stage over the circle&#39;s 45.5 min: at most 37 "
                    + "listeners (at 09:45) and 5 on stage (at 10:00).\""))
    }

    @Test("a message stays small, however much there is to tell")
    func staysSmall() throws {
        var facts = SummaryFacts.sample(title: String(repeating: "👩‍👩‍👧", count: 120))
        let uid = String(repeating: "<", count: 128)
        facts.speakers = Array(repeating: .init(uid: uid, talkMicroseconds: 1), count: 8)
        facts.worstMinutes = Array(repeating: facts.worstMinutes[0], count: 3)
        facts.listenerSlices = (0..<240).map { $0 * 7919 % 1000 }
        facts.speakerSlices = (0..<240).map { $0 * 7919 % 9 }
        let message = try Self.mail().message(
            facts, from: "c@example.org", to: "a@b", recipientUID: uid, messageID: "m@circles",
            date: facts.endedAt)
        // Gmail cuts HTML off after 102 KB; pictures do not count there.
        #expect(message.html.utf8.count < 60_000)
        #expect(try message.bytes().count < 250_000)
        #expect(message.subject.unicodeScalars.count < 300)
    }

    @Test("a circle that nobody came to, or that ended at once, is told in a few words")
    func tellsOfNothing() throws {
        let at = Timestamp(seconds: 1_795_426_200)
        let facts = SummaryFacts(
            circleID: CircleID(high: 1, low: 2), title: "Quiet", startedAt: at, endedAt: at,
            endReason: "empty")
        let message = try SummaryMail().message(
            facts, from: "c@example.org", to: "a@b", recipientUID: "ada", messageID: "m@circles",
            date: at)
        #expect(message.images == [] && !message.html.contains("<img"))
        #expect(message.text.contains("Nobody was in this circle while it was live."))
        #expect(message.text.contains("It was ended because nobody was in it any more."))
        #expect(message.html.contains("Nobody came this time."))
        #expect(message.unsubscribe == .init() && !message.html.contains("<a href"))
    }

    @Test("a circle over midnight names both days")
    func namesBothDays() throws {
        var facts = SummaryFacts.sample(title: "Late")
        facts.endedAt = facts.startedAt.adding(seconds: 86_400)
        let content = SummaryContent(facts)
        #expect(content.values["when"] as? String == "23 Nov 2026, 09:30 to 24 Nov 2026, 09:30 UTC")
    }

    @Test(
        "marks that turn the direction of text, and other controls, are left out",
        arguments: ["\u{202E}", "\u{2066}", "\u{200F}", "\u{0}", "\u{1B}", "\u{9B}"])
    func dropsControls(mark: String) throws {
        let message = try message(title: "a\(mark)b")
        #expect(message.subject == "Your circle “ab” in numbers")
        #expect(!message.html.contains(mark) && !message.text.contains(mark))
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
        #expect(text.hasPrefix(title + "\n"))
    }

    @Test(
        "line breaks in a title become spaces",
        arguments: ["a\r\nb\nc", "a\rb\u{2028}c", "a\u{85}b\u{2029}c", "\na\n\nb\u{B}c\u{C}"])
    func foldsTitles(title: String) throws {
        let message = try message(title: title)
        #expect(message.subject == "Your circle “a b c” in numbers")
        #expect(message.text.hasPrefix("a b c\n"))
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
