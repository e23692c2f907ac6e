import CircleStore
import Domain
import Foundation
import Testing

@testable import API

@Suite("DirectoryCursor (nextCursor of GET /circles)")
struct DirectoryCursorTests {
    private static let idText = "019aaaaa-aaaa-7aaa-8bbb-bbbbbbbbbbbb"
    private static let latest: Int64 = 253_402_300_799_999_999

    private func encoded(_ text: String) -> String { base64URL(Data(text.utf8)) }

    @Test(
        "a place in the directory round trips",
        arguments: [0, 1, 999_999, 1_795_426_200_123_456, latest] as [Int64])
    func roundTrips(microseconds: Int64) throws {
        for id in [
            try #require(CircleID(Self.idText)), CircleID(high: 0, low: 0),
            CircleID(high: .max, low: .max),
        ] {
            let position = DirectoryPosition(
                startAt: Timestamp(microseconds: microseconds), circleID: id)
            let cursor = DirectoryCursor.encode(position)
            #expect(DirectoryCursor.decode(cursor) == position)
            #expect(cursor.utf8.count <= 128)
        }
    }

    @Test("a cursor needs no escaping in a query")
    func isURLSafe() {
        for number: UInt64 in 0..<200 {
            let cursor = DirectoryCursor.encode(
                DirectoryPosition(
                    startAt: Timestamp(microseconds: Int64(number) * 7_919_999_983),
                    circleID: CircleID(high: number &* 0x9E37_79B9_7F4A_7C15, low: ~number)))
            let isSafe = cursor.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
            #expect(isSafe, "\(cursor)")
        }
    }

    @Test(
        "other text is no cursor",
        arguments: [
            "", "x", "====", "!!!!", "aGVsbG8", "🙂", "\u{0}", "null",
            String(repeating: "A", count: 128), String(repeating: "A", count: 129),
            String(repeating: "=", count: 1000),
        ])
    func refusesGarbage(cursor: String) {
        #expect(DirectoryCursor.decode(cursor) == nil)
    }

    @Test(
        "what is encoded has to be a time and an id",
        arguments: [
            "1795426200123456", ".", "1795426200123456.", "." + idText, "x." + idText,
            "1795426200123456," + idText, "1795426200123456." + idText + "0",
            "1795426200123456." + idText + ".1", "1795426200123456.." + idText,
            " 1795426200123456." + idText, "1795426200123456.5." + idText,
            "-1." + idText, "253402300800000000." + idText, "9223372036854775807." + idText,
            "9223372036854775808." + idText, "0x10." + idText, "1e3." + idText,
            idText + ".1795426200123456",
        ])
    func refusesOtherContent(text: String) {
        #expect(DirectoryCursor.decode(encoded(text)) == nil)
    }

    @Test("bytes that are not UTF-8 are no cursor")
    func refusesOtherBytes() {
        #expect(DirectoryCursor.decode(base64URL(Data([0xFF, 0xFE, 0x2E, 0x80]))) == nil)
        let cut = Data("1.".utf8) + Data([0xC3])
        #expect(DirectoryCursor.decode(base64URL(cut)) == nil)
    }
}
