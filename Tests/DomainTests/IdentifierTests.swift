import Domain
import Foundation
import Testing

@Suite("Identifier (UUID version 7, RFC 9562 §5.7)")
struct IdentifierTests {
    /// The example of RFC 9562 appendix A.6.
    private static let exampleText = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    private static let example = CircleID(high: 0x017F_22E2_79B0_7CC3, low: 0x98C4_DC0C_0C07_398F)
    private static let moment = Timestamp(microseconds: 1_795_426_200_123_456)

    /// Gives the same number every time: the extremes of randomness.
    private struct ConstantGenerator: RandomNumberGenerator {
        let value: UInt64
        mutating func next() -> UInt64 { value }
    }

    private func made(at now: Timestamp, random value: UInt64) -> CircleID {
        var random = ConstantGenerator(value: value)
        return CircleID(now: now, random: &random)
    }

    // MARK: Layout

    @Test("the example of RFC 9562 appendix A.6 reads and prints")
    func readsTheExample() {
        #expect(CircleID(Self.exampleText) == Self.example)
        #expect(Self.example.description == Self.exampleText)
        #expect(Self.example.createdAt == Timestamp(microseconds: 1_645_557_742_000_000))
    }

    @Test(
        "version, variant and time stand where RFC 9562 puts them, whatever is random",
        arguments: [0, 1, 0x5555_5555_5555_5555, 0xAAAA_AAAA_AAAA_AAAA, .max] as [UInt64])
    func hasLayout(random: UInt64) {
        let id = made(at: Self.moment, random: random)
        #expect(id.high >> 16 == 1_795_426_200_123)
        #expect(id.high >> 12 & 0xF == 7)
        #expect(id.low >> 62 == 0b10)
    }

    @Test("the microseconds within the millisecond are the first 10 bits of rand_a")
    func keepsMicroseconds() {
        #expect(made(at: Self.moment, random: .max).high & 0xFFF == 456 << 2 | 0b11)
        #expect(made(at: Self.moment, random: 0).high & 0xFFF == 456 << 2)
        let last = Timestamp(microseconds: 1_795_426_200_123_999)
        #expect(made(at: last, random: .max).high & 0xFFF == 999 << 2 | 0b11)
        #expect(made(at: last, random: .max).high >> 12 & 0xF == 7)
    }

    @Test("the time of creation is read back to the millisecond")
    func readsCreationTime() {
        #expect(
            CircleID(now: Self.moment).createdAt
                == Timestamp(microseconds: 1_795_426_200_123_000))
    }

    @Test("another version has no time of creation")
    func otherVersionsHaveNoTime() throws {
        let random = try #require(CircleID("919108f7-52d1-4320-9bac-f847db4148a8"))
        #expect(random.createdAt == nil)
        #expect(CircleID(high: 0, low: 0).createdAt == nil)
    }

    @Test("a clock before 1970 gives an id of the year 1970 and does not trap")
    func survivesABrokenClock() {
        for microseconds: Int64 in [-1, -1000, -1_000_001, .min] {
            let id = made(at: Timestamp(microseconds: microseconds), random: .max)
            #expect(id.createdAt == Timestamp(microseconds: 0))
        }
    }

    // MARK: Order

    @Test(
        "a later microsecond sorts after, however the random bits fell",
        arguments: [1, 999, 1000, 1001, 86_400_000_000] as [Int64])
    func sortsByTime(step: Int64) {
        let earlier = made(at: Self.moment, random: .max)
        let later = made(at: Self.moment.adding(microseconds: step), random: 0)
        #expect(earlier < later)
        #expect(!(later < earlier))
        #expect(earlier.description < later.description)
    }

    @Test("the order is that of the 128-bit number", arguments: [11, 12, 13] as [UInt64])
    func ordersAsItsText(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ids = (0..<500).map { _ in
            // Few high values, so that the low half decides as well.
            CircleID(high: random.next() % 4, low: random.next())
        }
        let byText = ids.sorted { $0.description < $1.description }
        #expect(ids.sorted() == byText, "seed \(seed)")
    }

    @Test("ids of one moment differ")
    func differs() {
        var random = SeededGenerator(seed: 14)
        let ids = Set((0..<1000).map { _ in CircleID(now: Self.moment, random: &random) })
        #expect(ids.count == 1000)
    }

    // MARK: Text

    @Test("text round trip", arguments: [21, 22, 23] as [UInt64])
    func textRoundTrip(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ids = (0..<1000).map { _ in CircleID(high: random.next(), low: random.next()) }
        let lost = ids.first { CircleID($0.description) != $0 }
        #expect(lost == nil, "seed \(seed)")
        #expect(ids.allSatisfy { $0.description.utf8.count == 36 })
    }

    @Test("both cases are read, the lower is written")
    func readsBothCases() throws {
        let upper = try #require(CircleID(Self.exampleText.uppercased()))
        #expect(upper == Self.example)
        #expect(upper.description == Self.exampleText)
        #expect(CircleID("017F22e2-79b0-7Cc3-98c4-Dc0C0c07398f") == Self.example)
    }

    @Test("a part of a longer text is read as well")
    func readsSubstrings() {
        let path = "/v1/circles/" + Self.exampleText
        #expect(CircleID(path.dropFirst(12)) == Self.example)
    }

    @Test(
        "other text is refused",
        arguments: [
            "",
            "-",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398",  // a digit short
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",  // a digit long
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f-",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
            " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "017f22e279b07cc398c4dc0c0c07398f",  // no dashes
            "017f22e2-79b07cc3-98c4-dc0c0c07398f0",  // a dash short
            "017f22e-279b0-7cc3-98c4-dc0c0c07398f",  // a dash moved
            "017f22e2_79b0_7cc3_98c4_dc0c0c07398f",
            "017f22e2-79b0-7cc3-98c4-dc0c-c07398f",  // a fifth dash
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398/",  // the bytes around the digits
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398:",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398@",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398G",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398`",
            "017f22e2-79b0-7cc3-98c4-dc0c0c0739\u{FF11}",  // a full-width digit
            "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
            "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "\u{0}17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        ])
    func refuses(text: String) {
        #expect(CircleID(text) == nil)
    }

    // MARK: Bytes

    @Test("bytes are in network order and round trip")
    func bytesRoundTrip() {
        let bytes = Self.example.bytes
        #expect(
            bytes == [
                0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3,
                0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F,
            ])
        #expect(bytes.withUnsafeBytes { CircleID(bytes: $0) } == Self.example)
    }

    @Test("bytes at an odd address are read")
    func readsUnaligned() {
        let bytes = [0xFF] + Self.example.bytes
        let read = bytes.withUnsafeBytes { CircleID(bytes: .init(rebasing: $0[1...])) }
        #expect(read == Self.example)
    }

    @Test("another number of bytes is refused", arguments: [0, 1, 8, 15, 17, 32])
    func refusesOtherLengths(count: Int) {
        let bytes = [UInt8](repeating: 7, count: count)
        #expect(bytes.withUnsafeBytes { CircleID(bytes: $0) } == nil)
    }

    // MARK: JSON

    @Test("in JSON an id is its text")
    func jsonRoundTrip() throws {
        let data = try JSONEncoder().encode([Self.example])
        #expect(String(decoding: data, as: UTF8.self) == "[\"\(Self.exampleText)\"]")
        #expect(try JSONDecoder().decode([CircleID].self, from: data) == [Self.example])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([CircleID].self, from: Data("[\"017f22e2\"]".utf8))
        }
    }
}
