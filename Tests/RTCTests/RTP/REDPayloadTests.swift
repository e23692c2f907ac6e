import RTC
import Testing

@Suite("Redundant audio (RFC 2198 §3)")
struct REDPayloadTests {
    /// Two older frames of 2 and 3 bytes before the newest, as Chromium sends them.
    static let twoOlder = [UInt8](hex: "ef 1e0002 ef 0f0003 6f 1111 222222 33333333")
    static let primaryOnly = [UInt8](hex: "6f f8fffe")
    static let all = [twoOlder, primaryOnly, [UInt8](hex: "ef 0f0000 6f")]

    private func primary(_ bytes: [UInt8]) throws -> REDPayload {
        try bytes.withUnsafeBytes { try REDPayload.primary(in: $0) }
    }

    @Test("the newest frame is what follows the older ones")
    func newestFrame() throws {
        let red = try primary(Self.twoOlder)
        #expect(red.payloadType == 111)
        #expect(red.range == 14..<18)
        #expect(red.redundantBlockCount == 2)
        #expect(try primary(Self.primaryOnly).range == 1..<4)
        #expect(try primary(Self.all[2]).range == 5..<5)
    }

    @Test(
        "what is no redundant payload is refused by its reason",
        arguments: [
            ("", REDParseError.empty), ("ef", .headerOverrun), ("ef 1e00", .headerOverrun),
            ("ef 1e0002", .headerOverrun), ("ef 1e0002 6f 11", .blockOverrun),
            (String(repeating: "ef 000000 ", count: 33) + "6f", .tooManyBlocks),
        ])
    func refusals(hex: String, error: REDParseError) {
        #expect(throws: error) { try self.primary([UInt8](hex: hex)) }
    }

    @Test("damaged payloads are refused or read, never trapped on", arguments: [21] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var mutator = PacketMutator(seed: seed)
        var readCount = 0
        for _ in 0..<20_000 {
            let bytes = mutator.damaged(Self.all)
            guard let red = try? primary(bytes) else { continue }
            readCount += 1
            #expect(red.range.upperBound == bytes.count, "seed \(seed): \(bytes)")
        }
        #expect(readCount > 1000, "seed \(seed)")
    }
}
