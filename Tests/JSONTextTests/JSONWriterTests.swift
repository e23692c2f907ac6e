import Domain
import Foundation
import JSONText
import Testing

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func `commas stand between members and elements, at each depth`() {
        let written = text { json in
            json.object { json in
                json.member("empty", [String]())
                json.member("names", ["a", "b"])
                json.name("inner")
                json.object { json in
                    json.member("count", 2)
                    json.member("isOn", true)
                }
                json.name("nothing")
                json.object { _ in }
                json.member("last", Int64.min)
            }
        }
        #expect(
            written
                == #"{"empty":[],"names":["a","b"],"inner":{"count":2,"isOn":true},"#
                + #""nothing":{},"last":-9223372036854775808}"#)
    }

    @Test func `what is absent is left out`() {
        let written = text { json in
            json.object { json in
                json.member("text", nil as String?)
                json.member("time", nil as Timestamp?)
                json.member("here", "x")
                json.member("number", nil as Int?)
            }
        }
        #expect(written == #"{"here":"x"}"#)
    }

    /// Every scalar below U+0100, and what is special beyond: read back as it was.
    @Test func `every character comes back from Foundation's parser`() throws {
        var scalars = (0..<0x100).compactMap { Unicode.Scalar(UInt32($0)) }
        scalars += ["\u{2028}", "\u{202E}", "\u{FFFF}", "\u{1F600}", "\u{10FFFF}"]
        let all = String(String.UnicodeScalarView(scalars))
        // Not U+FEFF: Foundation takes one at a text's begin away.
        for value in scalars.map({ String($0) }) + [all, "\r\n", "\\\"\\", "e\u{301}", "</script>"]
        {
            let written = text { $0.array([value]) { $0.string($1) } }
            let read = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String]
            #expect(read.map { Array($0[0].unicodeScalars) } == Array(value.unicodeScalars))
        }
    }
}
