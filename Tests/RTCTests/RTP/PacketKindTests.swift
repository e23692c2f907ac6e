import RTC
import Testing

@Suite("Demultiplexing (RFC 7983 §7, RFC 5761 §4)")
struct PacketKindTests {
    private func kind(_ bytes: [UInt8]) -> PacketKind {
        bytes.withUnsafeBytes { PacketKind($0) }
    }

    @Test("each first byte has its kind, at both ends of its range")
    func firstByte() {
        let expected: [(ClosedRange<UInt8>, PacketKind)] = [
            (0...3, .stun), (4...15, .unknown), (16...19, .zrtp), (20...63, .dtls),
            (64...79, .turnChannel), (80...127, .unknown), (128...191, .rtp),
            (192...255, .unknown),
        ]
        for (range, kind) in expected {
            for first in range { #expect(self.kind([first, 111]) == kind, "\(first)") }
        }
    }

    @Test("RTCP is told from RTP by its packet type, whatever the marker bit")
    func secondByte() {
        for second in 0...255 as ClosedRange<UInt8> {
            let expected: PacketKind = (64...95).contains(second & 0x7F) ? .rtcp : .rtp
            #expect(kind([0x80, second]) == expected, "\(second)")
        }
        for type in 200...207 as ClosedRange<UInt8> { #expect(kind([0x81, type]) == .rtcp) }
    }

    @Test("no byte, and one byte of media, are unknown")
    func short() {
        #expect(kind([]) == .unknown)
        #expect(kind([0x80]) == .unknown)
    }
}
