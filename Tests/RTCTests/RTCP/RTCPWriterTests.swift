import RTC
import Testing

@Suite("RTCP writer (RFC 3550 §6, RFC 4585 §6.2.1)")
struct RTCPWriterTests {
    private func written(_ body: (inout RTCPWriter) -> Void) -> [UInt8] {
        var buffer = [UInt8](repeating: 0xAA, count: 1200)
        let length = buffer.withUnsafeMutableBytes { bytes in
            var writer = RTCPWriter(bytes)
            body(&writer)
            #expect(writer.room == bytes.count - writer.length)
            return writer.length
        }
        return Array(buffer.prefix(length))
    }

    private let block = ReportBlock(
        ssrc: 2, fractionLost: 64, packetsLost: -2, extendedHighestSequence: 0x1_FFFF,
        jitter: 18, lastSenderReport: 0x1111_2222, delaySinceLastSenderReport: 0x1_0000)

    @Test("a compound datagram is written byte for byte")
    func compoundDatagram() {
        let bytes = written { writer in
            [block].withUnsafeBufferPointer { blocks in
                writer.senderReport(
                    SenderReport(
                        ssrc: 1, ntpTime: 0xE000_0000_8000_0000, rtpTimestamp: 0x960,
                        packetCount: 10, octetCount: 1000), blocks: blocks)
            }
            Array("abc".utf8).withUnsafeBytes { writer.cname(ssrc: 1, $0) }
            [65_534, 65_535, 1, 14].withUnsafeBufferPointer {
                writer.genericNACK(senderSSRC: 1, mediaSSRC: 2, $0)
            }
        }
        #expect(bytes == RTCPReaderTests.compound)
    }

    @Test("receiver reports and goodbyes are written byte for byte")
    func others() {
        #expect(written { $0.receiverReport(ssrc: 7) } == RTCPReaderTests.receiverReport)
        let goodbye = written { writer in
            [1, 2].withUnsafeBufferPointer { writer.goodbye($0) }
        }
        #expect(goodbye == [UInt8](hex: "82 cb 0002 00000001 00000002"))
    }

    @Test("31 blocks fit into one report; losses beyond 24 bits are clamped")
    func manyBlocks() throws {
        let bytes = written { writer in
            let blocks = (0..<31).map { index in
                var block = block
                block.ssrc = UInt32(index)
                block.packetsLost = index % 2 == 0 ? .max : .min
                return block
            }
            blocks.withUnsafeBufferPointer { writer.receiverReport(ssrc: 7, blocks: $0) }
        }
        #expect(bytes.count == 8 + 31 * 24)
        try bytes.withUnsafeBytes { raw in
            var reader = RTCPReader(raw)
            guard case .receiverReport(_, let blocks) = try reader.next() else {
                Issue.record("no receiver report")
                return
            }
            #expect(blocks.map(\.ssrc) == Array(0..<31))
            #expect(blocks[0].packetsLost == 0x7F_FFFF)
            #expect(blocks[1].packetsLost == -0x80_0000)
        }
    }

    @Test("a name of any length ends with a zero at a word's end", arguments: 0...8)
    func names(count: Int) {
        let name = [UInt8](repeating: 0x61, count: count)
        let bytes = written { writer in name.withUnsafeBytes { writer.cname(ssrc: 9, $0) } }
        #expect(bytes.count % 4 == 0)
        #expect(bytes.last == 0)
        bytes.withUnsafeBytes { raw in
            var reader = RTCPReader(raw)
            guard case .sourceDescription(let description)? = try? reader.next() else {
                Issue.record("no source description")
                return
            }
            var names: [[UInt8]] = []
            description.forEachCNAME { ssrc, name in
                #expect(ssrc == 9)
                names.append(Array(name))
            }
            #expect(names == [name])
        }
    }

    @Test("numbers that are asked for are those that are read", arguments: [71] as [UInt64])
    func randomNACKs(seed: UInt64) {
        var random = PacketMutator(seed: seed)
        for _ in 0..<200 {
            var sequence = UInt16.random(in: 0...UInt16.max, using: &random)
            let asked = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                sequence &+= UInt16.random(in: 1...30, using: &random)
                return sequence
            }
            let bytes = written { writer in
                asked.withUnsafeBufferPointer {
                    writer.genericNACK(senderSSRC: 1, mediaSSRC: 2, $0)
                }
            }
            var read: [UInt16] = []
            bytes.withUnsafeBytes { raw in
                var reader = RTCPReader(raw)
                if case .genericNACK(let nack)? = try? reader.next() {
                    nack.forEachSequence { read.append($0) }
                }
            }
            #expect(read == asked, "seed \(seed)")
        }
    }

    @Test("no numbers are no packet")
    func emptyNACK() {
        let none: [UInt16] = []
        let bytes = written { writer in
            none.withUnsafeBufferPointer {
                writer.genericNACK(senderSSRC: 1, mediaSSRC: 2, $0)
            }
        }
        #expect(bytes.isEmpty)
    }
}
