import RTC
import Testing

@Suite("RTP header (RFC 3550 §5.1; RFC 8285; RFC 6464)")
struct RTPHeaderTests {
    static let plain = [UInt8](hex: "80 ef 1234 00000960 deadbeef f8fffe")
    static let withSources = [UInt8](hex: "82 6f 1234 00000960 deadbeef 00000001 00000002 f8")
    /// One-byte form: padding, mid "0" under 4, level −30 dBov with voice under 1, padding.
    static let oneByte = [UInt8](
        hex: "90 6f 0001 00000000 00000001 bede 0002 00 40 30 10 9e 00 00 00 f8")
    /// Two-byte form: an empty element under 9, a level under 1, padding.
    static let twoByte = [UInt8](
        hex: "90 6f 0001 00000000 00000001 1000 0002 0900 01017f 000000 f8")
    static let padded = [UInt8](hex: "a0 6f 0001 00000000 00000001 f8fffe 0003")
    static let all = [plain, withSources, oneByte, twoByte, padded]

    private func parse(_ bytes: [UInt8]) throws -> RTPHeader {
        try bytes.withUnsafeBytes { try RTPHeader(parsing: $0) }
    }

    private func level(_ bytes: [UInt8], id: UInt8 = 1) throws -> AudioLevel? {
        let header = try parse(bytes)
        return bytes.withUnsafeBytes { header.audioLevel(id: id, in: $0) }
    }

    private func padding(_ bytes: [UInt8]) throws -> Int {
        let header = try parse(bytes)
        return try bytes.withUnsafeBytes { try header.paddingLength(in: $0) }
    }

    @Test("the fixed header is read")
    func fixedHeader() throws {
        let header = try parse(Self.plain)
        #expect(header.marker)
        #expect(!header.hasPadding)
        #expect(header.payloadType == 111)
        #expect(header.sequenceNumber == 0x1234)
        #expect(header.timestamp == 2400)
        #expect(header.ssrc == 0xDEAD_BEEF)
        #expect(header.length == 12)
        #expect(header.extensionProfile == 0)
        #expect(header.extensionLength == 0)
    }

    @Test("contributing sources and the extension belong to the header")
    func lengths() throws {
        #expect(try parse(Self.withSources).length == 20)
        let header = try parse(Self.oneByte)
        #expect(header.length == 24)
        #expect(header.extensionProfile == 0xBEDE)
        #expect(header.extensionOffset == 16)
        #expect(header.extensionLength == 8)
    }

    @Test("the level is found among one-byte elements and padding")
    func oneByteLevel() throws {
        let expected = AudioLevel(decibelsBelowOverload: 30, isVoice: true)
        #expect(try level(Self.oneByte) == expected)
        #expect(try level(Self.oneByte, id: 2) == nil)
        #expect(try level(Self.oneByte, id: 0) == nil)
        #expect(try level(Self.plain) == nil)
    }

    @Test("the level is found among two-byte elements, one of them empty")
    func twoByteLevel() throws {
        let expected = AudioLevel(decibelsBelowOverload: 127, isVoice: false)
        #expect(try level(Self.twoByte) == expected)
        #expect(try level(Self.twoByte, id: 9) == nil)
    }

    @Test(
        "elements that reach beyond the extension, or follow a stop, are not there",
        arguments: [
            // Length of 16 in a word of four.
            "90 6f 0001 00000000 00000001 bede 0001 1f 9e 00 00 f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8",
            // ID 15 ends the extension.
            "90 6f 0001 00000000 00000001 bede 0001 f0 9e 10 9e f8",
            // A two-byte element without its length.
            "90 6f 0001 00000000 00000001 1000 0001 00 00 00 01 f8",
            // A two-byte element longer than the extension.
            "90 6f 0001 00000000 00000001 1000 0001 01 03 9e 00 f8",
            // Neither form.
            "90 6f 0001 00000000 00000001 1234 0001 10 9e 00 00 f8",
        ])
    func brokenElements(hex: String) throws {
        #expect(try level([UInt8](hex: hex)) == nil)
    }

    @Test(
        "what is no RTP packet is refused by its reason",
        arguments: [
            ("80 6f 0001 00000000 000000", RTPParseError.tooShort),
            ("40 6f 0001 00000000 00000001", .badVersion),
            ("81 6f 0001 00000000 00000001 000000", .headerOverrun),
            ("90 6f 0001 00000000 00000001 bede00", .headerOverrun),
            ("90 6f 0001 00000000 00000001 bede0001 000000", .headerOverrun),
            ("90 6f 0001 00000000 00000001 bedeffff 00000000", .headerOverrun),
        ])
    func refusals(hex: String, error: RTPParseError) {
        #expect(throws: error) { try self.parse([UInt8](hex: hex)) }
    }

    @Test("a header without payload is a packet")
    func emptyPayload() throws {
        #expect(try parse([UInt8](hex: "80 6f 0001 00000000 00000001")).length == 12)
    }

    @Test("padding is counted within the payload")
    func paddingCounts() throws {
        #expect(try padding(Self.padded) == 3)
        #expect(try padding(Self.plain) == 0)
        for hex in [
            "a0 6f 0001 00000000 00000001 f8 00", "a0 6f 0001 00000000 00000001 f8 03",
            "a0 6f 0001 00000000 00000001",
        ] {
            #expect(throws: RTPParseError.badPadding) { try self.padding([UInt8](hex: hex)) }
        }
    }

    @Test("what is written is what is read")
    func writing() throws {
        var bytes = [UInt8](repeating: 0xAA, count: 13)
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            RTPHeader.write(
                into: start, marker: true, payloadType: 111, sequenceNumber: 0x1234,
                timestamp: 0x960, ssrc: 0xDEAD_BEEF)
        }
        #expect(bytes == [UInt8](hex: "80 ef 1234 00000960 deadbeef aa"))
    }

    @Test("a level that is written is read")
    func writingLevel() throws {
        let written = AudioLevel(decibelsBelowOverload: 30, isVoice: true)
        var bytes = [UInt8](repeating: 0xAA, count: RTPHeader.withAudioLevelByteCount)
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            RTPHeader.write(
                into: start, marker: false, payloadType: 111, sequenceNumber: 1, timestamp: 2,
                ssrc: 3, audioLevel: written, audioLevelID: 1)
        }
        #expect(
            bytes == [UInt8](hex: "90 6f 0001 00000002 00000003 bede0001 109e0000"))
        #expect(try level(bytes) == written)
    }

    @Test("damaged packets are refused or read, never trapped on", arguments: [11, 12] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var mutator = PacketMutator(seed: seed)
        var readCount = 0
        var levelCount = 0
        for _ in 0..<20_000 {
            let bytes = mutator.damaged(Self.all)
            guard let header = try? parse(bytes) else { continue }
            readCount += 1
            #expect(header.length <= bytes.count, "seed \(seed): \(bytes)")
            _ = try? padding(bytes)
            for id in 0...16 as ClosedRange<UInt8> {
                if (try? level(bytes, id: id)) ?? nil != nil { levelCount += 1 }
            }
        }
        #expect(readCount > 1000 && levelCount > 1000, "seed \(seed)")
    }
}
