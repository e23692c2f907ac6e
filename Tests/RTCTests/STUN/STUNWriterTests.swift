@testable import RTC
import Testing

@Suite("STUN writer (RFC 8489 §5, §14; RFC 5769 §2)")
struct STUNWriterTests {
    /// RFC 5769 pads with spaces where RFC 8489 asks for zeros.
    private func sample(
        _ messageClass: STUNMessage.Class, _ body: (inout STUNWriter) -> Void
    ) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 548)
        let length = buffer.withUnsafeMutableBytes { bytes in
            var writer = STUNWriter(
                bytes, class: messageClass, transactionID: STUNSamples.transactionID,
                paddingByte: 0x20)
            body(&writer)
            return STUNSamples.password.withUnsafeBytes { writer.finish(integrityKey: $0) }
        }
        return Array(buffer.prefix(length))
    }

    @Test("RFC 5769 §2.1 is written byte for byte")
    func sampleRequest() {
        let bytes = sample(.request) { writer in
            writer.addSoftware("STUN test client")
            writer.addPriority(0x6E00_01FF)
            writer.addICEControlled(0x932F_F9B1_5126_3B36)
            Array("evtj:h6vY".utf8).withUnsafeBytes { writer.addUsername($0) }
        }
        #expect(bytes == STUNSamples.request)
    }

    @Test(
        "RFC 5769 §2.2, §2.3 are written byte for byte",
        arguments: [
            ("192.0.2.1", STUNSamples.ipv4Response),
            ("2001:db8:1234:5678:11:2233:4455:6677", STUNSamples.ipv6Response),
        ])
    func sampleResponses(ip: String, expected: [UInt8]) throws {
        let address = try #require(TransportAddress(ip: ip, port: 32_853))
        let bytes = sample(.success) { writer in
            writer.addSoftware("test vector")
            writer.addXORMappedAddress(address)
        }
        #expect(bytes == expected)
    }

    @Test("padding is zero, whatever was in the buffer")
    func padding() {
        let bytes = STUNSamples.written(.request, key: nil) { writer in
            Array("a:bcd".utf8).withUnsafeBytes { writer.addUsername($0) }
        }
        #expect(bytes[29..<32].elementsEqual([0, 0, 0]))
    }

    @Test(
        "every class and method is read as it was written",
        arguments: [STUNMessage.Class.request, .indication, .success, .error],
        [1, 0x7F, 0x80, 0xFFF] as [UInt16])
    func classes(messageClass: STUNMessage.Class, method: UInt16) throws {
        var buffer = [UInt8](repeating: 0, count: 64)
        let length = buffer.withUnsafeMutableBytes { bytes in
            var writer = STUNWriter(
                bytes, class: messageClass, method: method,
                transactionID: STUNSamples.transactionID)
            return writer.finish(integrityKey: nil)
        }
        let message = try STUNSamples.parse(Array(buffer.prefix(length)))
        #expect(message.messageClass == messageClass)
        #expect(message.method == method)
    }

    @Test("what a check and an error say is read again")
    func roundTrip() throws {
        let check = try STUNSamples.parse(STUNSamples.browserCheck)
        #expect(check.useCandidate)
        #expect(check.iceControlling == 0x0123_4567_89AB_CDEF)
        #expect(check.priority == 0x6E7F_1EFF)
        #expect(STUNSamples.hasValidIntegrity(check, STUNSamples.browserCheck))
        let error = try STUNSamples.parse(STUNSamples.errorResponse)
        #expect(error.messageClass == .error)
        #expect(error.errorCode == 420)
        #expect(error.fingerprint == .valid)
    }

    @Test("the checksum of ISO 3309 gives its check value")
    func checksum() {
        #expect(Array("123456789".utf8).withUnsafeBytes(CRC32.checksum) == 0xCBF4_3926)
    }
}
