import RTC

/// The messages of RFC 5769 §2.1–2.3, and ones like those of browsers.
enum STUNSamples {
    static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)
    static let transactionID = TransactionID(0xB7E7_A701, 0xBC34_D686, 0xFA87_DFAE)

    /// §2.1.
    static let request = [UInt8](
        hex: """
            00010058 2112a442 b7e7a701 bc34d686 fa87dfae
            80220010 5354554e 20746573 7420636c 69656e74
            00240004 6e0001ff
            80290008 932ff9b1 51263b36
            00060009 6576746a 3a683676 59202020
            00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
            80280004 e57a3bcf
            """)

    /// §2.2.
    static let ipv4Response = [UInt8](
        hex: """
            0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
            8022000b 74657374 20766563 746f7220
            00200008 0001a147 e112a643
            00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
            80280004 c07d4c96
            """)

    /// §2.3.
    static let ipv6Response = [UInt8](
        hex: """
            01010048 2112a442 b7e7a701 bc34d686 fa87dfae
            8022000b 74657374 20766563 746f7220
            00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
            00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
            80280004 c8fb0b4c
            """)

    /// A check as libwebrtc makes it, with the optional attributes that only it knows.
    static let browserCheck = written(.request) { writer in
        Array("server12:client".utf8).withUnsafeBytes { writer.addUsername($0) }
        writer.addUseCandidate()
        writer.addICEControlling(0x0123_4567_89AB_CDEF)
        writer.addPriority(0x6E7F_1EFF)
    }

    static let errorResponse = written(.error) { writer in
        writer.addErrorCode(420, reason: "Unknown Attribute")
        writer.addUnknownAttribute(0x7FFF)
        writer.addSoftware("circles")
    }

    static let all = [request, ipv4Response, ipv6Response, browserCheck, errorResponse]

    static func written(
        _ messageClass: STUNMessage.Class, key: [UInt8]? = password,
        _ body: (inout STUNWriter) -> Void
    ) -> [UInt8] {
        var buffer = [UInt8](repeating: 0xAA, count: 548)
        let length = buffer.withUnsafeMutableBytes { bytes in
            var writer = STUNWriter(bytes, class: messageClass, transactionID: transactionID)
            body(&writer)
            return key.map { key in key.withUnsafeBytes { writer.finish(integrityKey: $0) } }
                ?? writer.finish(integrityKey: nil)
        }
        return Array(buffer.prefix(length))
    }

    static func parse(_ bytes: [UInt8]) throws -> STUNMessage {
        try bytes.withUnsafeBytes { try STUNMessage(parsing: $0) }
    }

    /// The error of parsing, or `nil`.
    static func error(_ bytes: [UInt8]) -> STUNParseError? {
        do {
            _ = try parse(bytes)
            return nil
        } catch {
            return error as? STUNParseError
        }
    }

    static func hasValidIntegrity(
        _ message: STUNMessage, _ bytes: [UInt8], key: [UInt8] = password
    ) -> Bool {
        bytes.withUnsafeBytes { bytes in
            key.withUnsafeBytes { message.hasValidIntegrity(in: bytes, key: $0) }
        }
    }
}
