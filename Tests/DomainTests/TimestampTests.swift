import Domain
import Foundation
import Glibc
import Testing

@Suite("Timestamp (RFC 3339 §5.6)")
struct TimestampTests {
    /// 2026-11-23T09:30:00Z.
    private static let noon: Int64 = 1_795_426_200_000_000
    private static let latest: Int64 = 253_402_300_799_999_999

    // MARK: Reading

    @Test(
        "a time is read to the microsecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000001Z", 1),
            ("2001-09-09T01:46:40Z", 1_000_000_000_000_000),
            ("2026-11-23T09:30:00Z", noon),
            ("2026-11-23t09:30:00z", noon),
            ("2026-11-23 09:30:00Z", noon),
            ("2038-01-19T03:14:08Z", 2_147_483_648_000_000),
            ("2100-01-01T00:00:00Z", 4_102_444_800_000_000),
            ("9999-12-31T23:59:59.999999Z", latest),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text) == Timestamp(microseconds: microseconds))
    }

    @Test(
        "an offset is taken off",
        arguments: [
            "2026-11-23T09:30:00+00:00",
            "2026-11-23T09:30:00-00:00",
            "2026-11-23T10:30:00+01:00",
            "2026-11-23T15:15:00+05:45",
            "2026-11-23T06:00:00-03:30",
            "2026-11-24T09:29:00+23:59",
            "2026-11-22T09:31:00-23:59",
            "2026-11-22T22:30:00-11:00",
            "2026-11-23T23:30:00+14:00",
        ])
    func takesOffsets(text: String) {
        #expect(Timestamp(rfc3339: text) == Timestamp(microseconds: Self.noon))
    }

    @Test(
        "fractions of one to nine digits are read, past the sixth they are cut off",
        arguments: [
            ("0", 0), ("5", 500_000), ("25", 250_000), ("123", 123_000), ("1234", 123_400),
            ("12345", 123_450), ("123456", 123_456), ("1234567", 123_456),
            ("12345678", 123_456), ("123456789", 123_456), ("000001", 1), ("0000009", 0),
            ("999999999", 999_999),
        ] as [(String, Int64)])
    func readsFractions(digits: String, microseconds: Int64) {
        let time = Timestamp(rfc3339: "2026-11-23T09:30:00.\(digits)Z")
        #expect(time == Timestamp(microseconds: Self.noon + microseconds))
    }

    @Test("a bare date is its midnight in UTC")
    func readsDates() {
        #expect(Timestamp(rfc3339: "1970-01-02") == Timestamp(seconds: 86_400))
        #expect(Timestamp(rfc3339: "2026-11-23") == Timestamp(seconds: 1_795_392_000))
    }

    @Test("a part of a longer text is read as well")
    func readsSubstrings() {
        let text = "at 2026-11-23T09:30:00Z"
        #expect(Timestamp(rfc3339: text.dropFirst(3)) == Timestamp(microseconds: Self.noon))
    }

    @Test(
        "leap days exist in leap years only",
        arguments: [
            ("2024-02-29", true), ("2000-02-29", true), ("2400-02-29", true),
            ("2026-02-29", false), ("2100-02-29", false), ("1900-02-29", false),
            ("2024-02-30", false),
        ])
    func knowsLeapDays(text: String, exists: Bool) {
        #expect((Timestamp(rfc3339: text) != nil) == exists)
    }

    @Test("the day after a leap day is the first of March")
    func countsLeapDays() throws {
        let leapDay = try #require(Timestamp(rfc3339: "2024-02-29T12:00:00Z"))
        #expect(leapDay == Timestamp(seconds: 1_709_208_000))
        #expect(leapDay.adding(seconds: 86_400).description == "2024-03-01T12:00:00Z")
        #expect(leapDay.adding(seconds: -86_400).description == "2024-02-28T12:00:00Z")
    }

    @Test(
        "the last day of each month of 2026 exists and the day after it does not",
        arguments: zip(1...12, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]))
    func knowsMonths(month: Int, dayCount: Int) {
        let prefix = "2026-" + (month < 10 ? "0" : "") + "\(month)-"
        #expect(Timestamp(rfc3339: prefix + "\(dayCount)") != nil)
        #expect(Timestamp(rfc3339: prefix + "\(dayCount + 1)") == nil)
    }

    @Test(
        "other text is refused",
        arguments: [
            "", "2026", "2026-11", "2026-1-23", "26-11-23", "2026/11/23", "2026-00-10",
            "2026-13-01", "2026-01-00", "2026-01-32", "2026-04-31", "2026-02-29",
            "20261123T093000Z", " 2026-11-23", "2026-11-23 ", "2026-11-23T",
            "2026-11-23T09:30Z", "2026-11-23T09:30:00", "2026-11-23T9:30:00Z",
            "2026-11-23T24:00:00Z", "2026-11-23T09:60:00Z", "2026-11-23T09:30:61Z",
            "2026-11-23T09:30:00.Z", "2026-11-23T09:30:00,5Z",
            "2026-11-23T09:30:00.1234567890Z", "2026-11-23T09:30:00.5",
            "2026-11-23T09:30:00+1:00", "2026-11-23T09:30:00+0100", "2026-11-23T09:30:00+01",
            "2026-11-23T09:30:00+24:00", "2026-11-23T09:30:00+01:60",
            "2026-11-23T09:30:00Z+01:00", "2026-11-23T09:30:00ZZ", "2026-11-23T09:30:00Z ",
            "2026-11-23X09:30:00Z", "-2026-11-23T09:30:00Z", "+2026-11-23",
            "2026-11-23T09:30:00\u{FF3A}", "\u{FF12}026-11-23", "2026-11-23T-1:30:00Z",
            "tomorrow",
        ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("years outside 1970 to 9999 are refused")
    func boundsYears() {
        #expect(Timestamp.yearRange == 1970...9999)
        #expect(Timestamp(rfc3339: "1970-01-01T00:00:00Z") != nil)
        #expect(Timestamp(rfc3339: "1969-12-31T23:59:59Z") == nil)
        #expect(Timestamp(rfc3339: "0000-01-01T00:00:00Z") == nil)
        #expect(Timestamp(rfc3339: "9999-12-31T23:59:59Z") != nil)
        #expect(Timestamp(rfc3339: "10000-01-01T00:00:00Z") == nil)
    }

    @Test(
        "what is read prints as text that reads back, at both ends of the years too",
        arguments: [
            "1970-01-01T00:00:00Z", "1970-01-01T00:00:00-23:59",
            "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+23:59",
        ])
    func offsetsStayInRange(text: String) {
        // An offset may carry a time out of the years; then it has to be refused.
        guard let time = Timestamp(rfc3339: text) else { return }
        #expect(Timestamp(rfc3339: time.description) == time)
    }

    // MARK: Printing

    @Test(
        "a time prints in UTC with as many fraction digits as it needs",
        arguments: [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (noon, "2026-11-23T09:30:00Z"),
            (noon + 250_000, "2026-11-23T09:30:00.25Z"),
            (noon + 100_000, "2026-11-23T09:30:00.1Z"),
            (noon + 120, "2026-11-23T09:30:00.00012Z"),
            (noon + 999_999, "2026-11-23T09:30:00.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59Z"),
            (latest, "9999-12-31T23:59:59.999999Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (-86_400_000_000, "1969-12-31T00:00:00Z"),
        ] as [(Int64, String)])
    func prints(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    // MARK: Properties

    @Test("every microsecond of 1970 to 9999 round trips", arguments: [1, 2, 3, 4] as [UInt64])
    func roundTrips(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let times = (0..<2500).map { _ in
            Timestamp(microseconds: Int64.random(in: 0...Self.latest, using: &random))
        }
        let lost = times.first { Timestamp(rfc3339: $0.description) != $0 }
        #expect(lost == nil, "seed \(seed)")
    }

    @Test("the calendar is the C library's", arguments: [5, 6] as [UInt64])
    func agreesWithTheCLibrary(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let seconds = Int64.random(in: 0...253_402_300_799, using: &random)
            var (time, fields) = (time_t(seconds), tm())
            gmtime_r(&time, &fields)
            let expected = String(
                format: "%04ld-%02ld-%02ldT%02ld:%02ld:%02ldZ", Int(fields.tm_year) + 1900,
                Int(fields.tm_mon) + 1, Int(fields.tm_mday), Int(fields.tm_hour),
                Int(fields.tm_min), Int(fields.tm_sec))
            let printed = Timestamp(seconds: seconds).description
            guard printed == expected else {
                Issue.record("seed \(seed): \(seconds) printed \(printed), not \(expected)")
                return
            }
        }
    }

    @Test("texts sort as their times do", arguments: [7] as [UInt64])
    func textsSort(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Whole seconds: all texts have one length.
        let times = (0..<500).map { _ in
            Timestamp(seconds: Int64.random(in: 0...253_402_300_799, using: &random))
        }
        #expect(
            times.sorted().map(\.description) == times.map(\.description).sorted(),
            "seed \(seed)")
    }

    // MARK: Arithmetic and JSON

    @Test("adding moves by the unit in its name")
    func adds() {
        let time = Timestamp(microseconds: 5_000_007)
        #expect(time.adding(seconds: 2) == Timestamp(microseconds: 7_000_007))
        #expect(time.adding(seconds: -6) == Timestamp(microseconds: -999_993))
        #expect(time.adding(microseconds: 3) == Timestamp(microseconds: 5_000_010))
        #expect(Timestamp(seconds: 3) == Timestamp(microseconds: 3_000_000))
        #expect(time < time.adding(microseconds: 1))
    }

    @Test("in JSON a time is its text")
    func jsonRoundTrip() throws {
        let time = Timestamp(microseconds: Self.noon + 250_000)
        let data = try JSONEncoder().encode([time])
        #expect(String(decoding: data, as: UTF8.self) == "[\"2026-11-23T09:30:00.25Z\"]")
        #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [time])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Timestamp].self, from: Data("[\"2026-02-29\"]".utf8))
        }
    }
}
