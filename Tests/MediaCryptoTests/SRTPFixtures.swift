@testable import MediaCrypto

/// The bytes of hexadecimal digits; blanks are skipped.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.compactMap { $0.hexDigitValue }
    precondition(digits.count.isMultiple(of: 2), "a byte has two digits")
    return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

/// An RTP packet with a header of 12 bytes.
func rtpPacket(sequence: UInt16, ssrc: UInt32, payload: [UInt8] = Array("hello".utf8)) -> [UInt8] {
    [0x80, 111, UInt8(sequence >> 8), UInt8(sequence & 0xFF), 0, 0, 3, 0xC0]
        + (0..<4).map { UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * $0)) } + payload
}

/// A receiver report without blocks, followed by filler words.
func rtcpPacket(ssrc: UInt32, fillerWords: Int = 2) -> [UInt8] {
    [0x80, 201, 0, UInt8(1 + fillerWords)]
        + (0..<4).map { UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * $0)) }
        + [UInt8](repeating: 0xAB, count: 4 * fillerWords)
}

func masterKey(_ profile: SRTPProfile, fill: UInt8 = 0x11) -> SRTPMasterKey {
    SRTPMasterKey(
        profile: profile,
        key: (0..<UInt8(profile.keyByteCount)).map { $0 ^ fill },
        salt: (0..<UInt8(profile.saltByteCount)).map { $0 &* 3 ^ fill })
}

extension SRTPProtector {
    mutating func sealed(
        rtp packet: [UInt8], headerLength: Int = 12, rolloverCounter: UInt32 = 0
    ) -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0xEE, count: Self.overheadMax)
        let length = buffer.withUnsafeMutableBufferPointer {
            protectRTP(
                $0.baseAddress!, headerLength: headerLength, length: packet.count,
                rolloverCounter: rolloverCounter)
        }
        return Array(buffer[..<max(length, 0)])
    }

    mutating func sealed(rtcp packet: [UInt8]) -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0xEE, count: Self.overheadMax)
        let length = buffer.withUnsafeMutableBufferPointer {
            protectRTCP($0.baseAddress!, length: packet.count)
        }
        return Array(buffer[..<max(length, 0)])
    }
}

/// A result with the bytes that it speaks of.
struct Opened: Equatable {
    var result: SRTPResult
    var packet: [UInt8]?

    var rejection: SRTPRejection? {
        if case .rejected(let reason) = result { reason } else { nil }
    }

    var extendedSequence: UInt64? {
        if case .ok(_, let sequence) = result { sequence } else { nil }
    }

    init(_ result: SRTPResult, _ buffer: [UInt8]) {
        self.result = result
        if case .ok(let length, _) = result { packet = Array(buffer[..<length]) }
    }
}

extension SRTPUnprotector {
    // The packet is copied to memory of exactly its size, so that a sanitizer sees an overrun.
    mutating func opened(rtp packet: [UInt8], headerLength: Int = 12) -> Opened {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: packet.count)
        defer { memory.deallocate() }
        memory.initialize(from: packet, count: packet.count)
        let result = unprotectRTP(memory, headerLength: headerLength, length: packet.count)
        return Opened(
            result, Array(UnsafeBufferPointer(start: memory, count: packet.count)))
    }

    mutating func opened(rtcp packet: [UInt8]) -> Opened {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: packet.count)
        defer { memory.deallocate() }
        memory.initialize(from: packet, count: packet.count)
        let result = unprotectRTCP(memory, length: packet.count)
        return Opened(
            result, Array(UnsafeBufferPointer(start: memory, count: packet.count)))
    }
}
