import Testing

@testable import Jobs

@Suite("Text of pushes")
struct PushTextTests {
    @Test(
        "control characters, bidi overrides and runs of blanks go, the rest stays",
        arguments: [
            ("Vinyl night", "Vinyl night"),
            ("  a\t\r\n b\u{2028}c  ", "a b c"),
            ("a\u{0}b\u{7}c\u{1B}[31m", "abc[31m"),
            ("\u{202E}live\u{202C} \u{2066}now\u{2069}\u{200F}", "live now"),
            ("<b>Jazz</b> & \"more\"", "<b>Jazz</b> & \"more\""),
            ("👨‍👩‍👧‍👦 und 🏳️‍🌈", "👨‍👩‍👧‍👦 und 🏳️‍🌈"),
            ("مرحبا שלום", "مرحبا שלום"),
            ("\u{FEFF}\u{202A}", ""), ("\u{A0}a\u{3000}b", "a b"), ("", ""),
        ])
    func cleans(text: String, expected: String) {
        #expect(PushText.clean(text) == expected)
    }

    @Test("long text is cut at a grapheme's end and says so")
    func cuts() {
        #expect(PushText.cut("short", byteCountMax: 5) == "short")
        #expect(PushText.cut("longer", byteCountMax: 5) == "lo…")
        let family = "👨‍👩‍👧‍👦"
        #expect(PushText.cut(family + family, byteCountMax: 30) == family + "…")
        #expect(PushText.cut(family + family, byteCountMax: 27) == "…")
        #expect(PushText.cut("e\u{301}e\u{301}e\u{301}", byteCountMax: 8) == "e\u{301}…")
        // One grapheme of any length is no reason to send it.
        #expect(PushText.cut("a" + String(repeating: "\u{301}", count: 500)) == "…")
        for count in 3...60 {
            let cut = PushText.cut(String(repeating: "aé👍🏽", count: 9), byteCountMax: count)
            #expect(cut.utf8.count <= count && cut.hasSuffix("…"))
        }
    }
}
