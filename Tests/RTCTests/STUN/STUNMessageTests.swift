import RTC
import Testing

@Suite("STUN messages (RFC 8489 §5, §14; RFC 8445 §16.1)")
struct STUNMessageTests {
    @Test("RFC 5769 §2.1: the sample request is read whole")
    func sampleRequest() throws {
        let bytes = STUNSamples.request
        let message = try STUNSamples.parse(bytes)
        #expect(message.messageClass == .request)
        #expect(message.method == STUNMessage.bindingMethod)
        #expect(message.transactionID == STUNSamples.transactionID)
        #expect(message.username.map { Array(bytes[$0]) } == Array("evtj:h6vY".utf8))
        #expect(message.priority == 0x6E00_01FF)
        #expect(message.iceControlled == 0x932F_F9B1_5126_3B36)
        #expect(message.iceControlling == nil)
        #expect(!message.useCandidate)
        #expect(message.fingerprint == .valid)
        #expect(message.unknownRequiredAttribute == nil)
        #expect(STUNSamples.hasValidIntegrity(message, bytes))
        #expect(!STUNSamples.hasValidIntegrity(message, bytes, key: Array("other".utf8)))
    }

    @Test(
        "RFC 5769 §2.2, §2.3: the sample responses give the mapped address",
        arguments: [
            (STUNSamples.ipv4Response, "192.0.2.1:32853"),
            (STUNSamples.ipv6Response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ])
    func sampleResponses(bytes: [UInt8], address: String) throws {
        let message = try STUNSamples.parse(bytes)
        #expect(message.messageClass == .success)
        #expect(message.mappedAddress?.description == address)
        #expect(message.fingerprint == .valid)
        #expect(STUNSamples.hasValidIntegrity(message, bytes))
    }

    @Test("a change of any bit is seen by integrity, fingerprint or parser")
    func tampering() throws {
        let original = STUNSamples.request
        let message = try STUNSamples.parse(original)
        let covered = try #require(message.messageIntegrityOffset) + 24
        for index in 0..<original.count {
            for bit in 0..<8 {
                var bytes = original
                bytes[index] ^= 1 << UInt8(bit)
                guard let damaged = try? STUNSamples.parse(bytes) else { continue }
                #expect(damaged.fingerprint != .valid, "byte \(index) bit \(bit)")
                if index < covered {
                    #expect(
                        !STUNSamples.hasValidIntegrity(damaged, bytes),
                        "byte \(index) bit \(bit)")
                }
            }
        }
    }

    @Test("attributes after MESSAGE-INTEGRITY are ignored, unauthenticated as they are")
    func afterIntegrity() throws {
        var bytes = STUNSamples.written(.request) { $0.addPriority(1) }
        bytes.removeLast(8)  // FINGERPRINT
        bytes += [UInt8](hex: "00250000 0006000161000000 7abc0000")
        bytes[3] = UInt8(bytes.count - 20)
        let message = try STUNSamples.parse(bytes)
        #expect(!message.useCandidate)
        #expect(message.username == nil)
        #expect(message.unknownRequiredAttribute == nil)
        #expect(message.fingerprint == .absent)
        #expect(STUNSamples.hasValidIntegrity(message, bytes))
    }

    @Test("the optional attributes of libwebrtc are ignored, a required one is named")
    func unknownAttributes() throws {
        let header = "2112a442 b7e7a701 bc34d686 fa87dfae"
        let optional = [UInt8](
            hex: "0001001c \(header) c0570004 000003e7 c0700004 00000001 c0710003 aabbcc00"
                + "80240000")
        #expect(try STUNSamples.parse(optional).unknownRequiredAttribute == nil)
        let required = [UInt8](hex: "00010010 \(header) 7ffe0004 00000000 7fff0000 00250000")
        let message = try STUNSamples.parse(required)
        #expect(message.unknownRequiredAttribute == 0x7FFE)
        #expect(message.useCandidate)
        #expect(message.fingerprint == .absent)
        #expect(!STUNSamples.hasValidIntegrity(message, required))
    }

    @Test("of repeated attributes the first counts")
    func repeatedAttributes() throws {
        let bytes = STUNSamples.written(.request) { writer in
            writer.addPriority(1)
            writer.addPriority(2)
        }
        #expect(try STUNSamples.parse(bytes).priority == 1)
    }

    @Test(
        "what is no STUN message is refused by its reason",
        arguments: [
            ("00010000 2112a442 b7e7a701 bc34d686 fa87df", STUNParseError.tooShort),
            ("80010000 2112a442 b7e7a701 bc34d686 fa87dfae", .notSTUN),
            ("00010000 2112a443 b7e7a701 bc34d686 fa87dfae", .badMagicCookie),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae", .lengthMismatch),
            ("00010000 2112a442 b7e7a701 bc34d686 fa87dfae 00250000", .lengthMismatch),
            ("00010002 2112a442 b7e7a701 bc34d686 fa87dfae 0025", .lengthMismatch),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 00060001", .attributeOverrun),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 0006ffff", .attributeOverrun),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 00240000", .malformedAttribute),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 80290000", .malformedAttribute),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 802a0000", .malformedAttribute),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 00080000", .malformedAttribute),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 00200000", .malformedAttribute),
            (
                "0001000c 2112a442 b7e7a701 bc34d686 fa87dfae 00200008 0002a147 e112a643",
                .malformedAttribute
            ),
            ("00010008 2112a442 b7e7a701 bc34d686 fa87dfae 00090004 00000763", .malformedAttribute),
            ("00010004 2112a442 b7e7a701 bc34d686 fa87dfae 80280000", .malformedAttribute),
            (
                "0001000c 2112a442 b7e7a701 bc34d686 fa87dfae 80280004 00000000 00250000",
                .attributeAfterFingerprint
            ),
        ])
    func refusals(hex: String, error: STUNParseError) {
        #expect(STUNSamples.error([UInt8](hex: hex)) == error)
    }

    @Test("a username longer than RFC 8489 §14.3 allows is refused")
    func longUsername() {
        var bytes = [UInt8](hex: "00010204 2112a442 b7e7a701 bc34d686 fa87dfae 00060200")
        bytes += [UInt8](repeating: 0x61, count: 512)
        #expect(STUNSamples.error(bytes) == .malformedAttribute)
    }

    @Test("damaged messages are refused or read, never trapped on", arguments: [1, 2] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var mutator = PacketMutator(seed: seed)
        var readCount = 0
        var validCount = 0
        for _ in 0..<20_000 {
            let bytes = mutator.damaged(STUNSamples.all)
            guard let message = try? STUNSamples.parse(bytes) else { continue }
            readCount += 1
            if let username = message.username { #expect(username.upperBound <= bytes.count) }
            if STUNSamples.hasValidIntegrity(message, bytes) { validCount += 1 }
        }
        #expect(readCount > 1000, "seed \(seed)")
        #expect(validCount < readCount, "seed \(seed)")
    }

    @Test("every prefix of every sample is refused")
    func survivesTruncation() {
        for sample in STUNSamples.all {
            for count in 0..<sample.count {
                #expect(STUNSamples.error(Array(sample.prefix(count))) != nil)
            }
        }
    }
}
