import RTC
import Testing

@Suite("RTCP reader (RFC 3550 §6, RFC 4585 §6, RFC 5506)")
struct RTCPReaderTests {
    /// A sender report with one block, then SDES and a NACK; computed by hand.
    static let compound = [UInt8](
        hex: """
            81 c8 000c 00000001 e0000000 80000000 00000960 0000000a 000003e8
                00000002 40 fffffe 0001ffff 00000012 11112222 00010000
            81 ca 0003 00000001 01 03 616263 00 0000
            81 cd 0003 00000001 00000002 fffe 8005
            """)
    static let receiverReport = [UInt8](hex: "80 c9 0001 00000007")
    static let goodbye = [UInt8](hex: "82 cb 0003 00000001 00000002 03 627965")
    /// Transport-wide feedback with padding, REMB, APP, XR and a type that nobody knows.
    static let others = [UInt8](
        hex: """
            af cd 0005 00000001 00000002 00010001 00000000 00000004
            8f ce 0004 00000001 00000000 52454d42 00000000
            80 cc 0002 00000001 61626364
            80 cf 0001 00000001
            80 d0 0000
            8b cd 0002 00000001 00000002
            """)
    static let all = [compound, receiverReport, goodbye, others]

    /// What of a packet can be compared.
    private func describe(_ packet: RTCPPacket) -> String {
        switch packet {
        case .senderReport(let report, let blocks):
            return "SR \(report.ssrc) \(report.packetCount) \(report.octetCount) \(blocks.count)"
        case .receiverReport(let ssrc, let blocks): return "RR \(ssrc) \(blocks.count)"
        case .sourceDescription(let description):
            var names = "SDES"
            description.forEachCNAME { ssrc, name in
                names += " \(ssrc)=\(String(decoding: name, as: UTF8.self))"
            }
            return names
        case .goodbye(let sources): return "BYE \(Array(sources))"
        case .genericNACK(let nack):
            var sequences: [UInt16] = []
            nack.forEachSequence { sequences.append($0) }
            return "NACK \(nack.senderSSRC) \(nack.mediaSSRC) \(sequences)"
        case .transportFeedback(let format): return "RTPFB \(format)"
        case .payloadFeedback(let format): return "PSFB \(format)"
        case .applicationDefined: return "APP"
        case .extendedReport: return "XR"
        case .unknown(let type): return "? \(type)"
        }
    }

    private func read(_ bytes: [UInt8]) -> (packets: [String], error: RTCPParseError?) {
        bytes.withUnsafeBytes { raw in
            var reader = RTCPReader(raw)
            var packets: [String] = []
            do throws(RTCPParseError) {
                while let packet = try reader.next() { packets.append(describe(packet)) }
                return (packets, nil)
            } catch {
                // Nothing follows an error.
                if (try? reader.next()) ?? nil != nil { packets.append("more") }
                return (packets, error)
            }
        }
    }

    @Test("a compound datagram is read packet by packet")
    func compoundDatagram() {
        let result = read(Self.compound)
        #expect(result.error == nil)
        #expect(
            result.packets == [
                "SR 1 10 1000 1", "SDES 1=abc", "NACK 1 2 [65534, 65535, 1, 14]",
            ])
    }

    @Test("a report's facts are those of its bytes")
    func report() throws {
        try Self.compound.withUnsafeBytes { raw in
            var reader = RTCPReader(raw)
            guard case .senderReport(let report, let blocks) = try reader.next() else {
                Issue.record("no sender report")
                return
            }
            #expect(report.ntpTime == 0xE000_0000_8000_0000)
            #expect(report.compactNTPTime == 0x0000_8000)
            #expect(report.rtpTimestamp == 0x960)
            #expect(
                blocks.first
                    == ReportBlock(
                        ssrc: 2, fractionLost: 64, packetsLost: -2,
                        extendedHighestSequence: 0x1_FFFF, jitter: 18,
                        lastSenderReport: 0x1111_2222, delaySinceLastSenderReport: 0x1_0000))
        }
    }

    @Test("other packets are told by type and format; a datagram need not begin with a report")
    func otherPackets() {
        let result = read(Self.others)
        #expect(result.error == nil)
        #expect(
            result.packets == ["RTPFB 15", "PSFB 15", "APP", "XR", "? 208", "RTPFB 11"])
        #expect(read(Self.receiverReport).packets == ["RR 7 0"])
        #expect(read(Self.goodbye).packets == ["BYE [1, 2]"])
        #expect(read([]).packets.isEmpty)
        #expect(read([UInt8](hex: "80 cb 0000")).packets == ["BYE []"])
    }

    @Test(
        "what is no RTCP packet is refused by its reason",
        arguments: [
            ("80 c9 00", RTCPParseError.tooShort), ("40 c9 0001 00000007", .badVersion),
            ("80 c9 0002 00000007", .lengthOverrun), ("80 c9 ffff 00000007", .lengthOverrun),
            ("a0 c9 0001 00000000", .badPadding), ("a0 c9 0001 00000003", .badPadding),
            ("a0 c9 0001 00000008", .badPadding), ("a0 c9 0000", .badPadding),
            ("a0 c9 0001 00000004", .contentOverrun), ("80 c9 0000", .contentOverrun),
            ("81 c9 0001 00000007", .contentOverrun),
            ("80 c8 0005 00000007 0000000000000000 00000000 00000000", .contentOverrun),
            ("81 cb 0000", .contentOverrun), ("81 cd 0001 00000001", .contentOverrun),
            ("81 ce 0001 00000001", .contentOverrun),
        ])
    func refusals(hex: String, error: RTCPParseError) {
        let result = read([UInt8](hex: hex))
        #expect(result.error == error)
        #expect(result.packets.isEmpty)
    }

    @Test("packets before a malformed one are read")
    func partOfADatagram() {
        let result = read(Self.receiverReport + [0x80])
        #expect(result.packets == ["RR 7 0"])
        #expect(result.error == .tooShort)
    }

    @Test("a chunk that ends early gives the names before it", arguments: [61, 62] as [UInt8])
    func brokenDescription(length: UInt8) {
        let hex = "82 ca 0004 00000001 01 01 61 00 00000002 01 \(String(length, radix: 16)) 6161"
        #expect(read([UInt8](hex: hex)).packets == ["SDES 1=a"])
    }

    @Test(
        "damaged datagrams are refused or read, never trapped on", arguments: [51, 52] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var mutator = PacketMutator(seed: seed)
        var packetCount = 0
        var errorCount = 0
        for _ in 0..<20_000 {
            let result = read(mutator.damaged(Self.all))
            packetCount += result.packets.count
            if result.error != nil { errorCount += 1 }
        }
        #expect(packetCount > 5000 && errorCount > 5000, "seed \(seed)")
    }
}
