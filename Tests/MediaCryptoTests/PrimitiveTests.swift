import Testing

@testable import MediaCrypto

@Suite("HMAC-SHA1, random bytes and comparison (RFC 2202, RFC 5769)")
struct PrimitiveTests {
    static func hmac(_ key: [UInt8], _ first: [UInt8], _ second: [UInt8] = []) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        key.withUnsafeBytes { key in
            first.withUnsafeBytes { first in
                second.withUnsafeBytes { second in
                    hmacSHA1(key: key, parts: first, second, into: &digest)
                }
            }
        }
        return digest
    }

    @Test("the HMACs are those of RFC 2202 §3, for short, full and long keys")
    func rfc2202() {
        #expect(
            Self.hmac([UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8))
                == hex("b617318655057264e28bc0b6fb378c8ef146be00"))
        #expect(
            Self.hmac(Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
                == hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"))
        #expect(
            Self.hmac(
                [UInt8](repeating: 0xAA, count: 80),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
                == hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"))
    }

    @Test("the integrity of RFC 5769 §2.1's request comes out, wherever it is cut in two")
    func rfc5769() {
        // Header with the length up to and with MESSAGE-INTEGRITY, then the attributes before it.
        let covered = hex(
            """
            00010050 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c
            69656e74 00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676
            59202020
            """)
        let key = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)
        let expected = hex("9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2")
        for cut in 0...covered.count {
            #expect(
                Self.hmac(key, Array(covered[..<cut]), Array(covered[cut...])) == expected)
        }
        var digest = [UInt8](repeating: 0, count: 20)
        key.withUnsafeBytes { key in
            covered.withUnsafeBytes { hmacSHA1(key: key, $0, into: &digest) }
        }
        #expect(digest == expected)
    }

    @Test("empty keys and messages are taken")
    func empty() {
        #expect(Self.hmac([], []) == hex("fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"))
    }

    @Test("random numbers differ and fill the whole buffer")
    func random() {
        #expect(Set((0..<1000).map { _ in secureRandomUInt64() }).count == 1000)
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.withUnsafeMutableBytes { randomBytes(into: $0) }
        // 64 zeros in a row have a chance of 2^-512.
        for start in stride(from: 0, to: 4096, by: 64) {
            #expect(bytes[start..<(start + 64)].contains { $0 != 0 })
        }
        randomBytes(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }

    @Test("comparison sees each changed byte and lengths")
    func comparison() {
        func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
            left.withUnsafeBytes { left in
                right.withUnsafeBytes { constantTimeEqual(left, $0) }
            }
        }
        let bytes = (0..<20).map { UInt8($0) }
        #expect(equal(bytes, bytes))
        #expect(equal([], []))
        #expect(!equal(bytes, Array(bytes.dropLast())))
        #expect(!equal(bytes, []))
        for position in bytes.indices {
            var other = bytes
            other[position] ^= 0x80
            #expect(!equal(bytes, other))
        }
    }
}
