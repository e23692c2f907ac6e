import Testing

@testable import EventLog

@Suite("Partitioner (murmur2 of Apache Kafka's Java client)")
struct PartitionerTests {
    /// Source: Apache Kafka, `UtilsTest.testMurmur2`.
    private static let vectors: [(String, Int32)] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ]

    @Test("hashes are those of the Java client", arguments: vectors)
    func hashes(text: String, hash: Int32) {
        #expect(Int32(bitPattern: murmur2(Array(text.utf8))) == hash)
    }

    /// Computed with a separate implementation that gives the hashes above; the Java client masks
    /// each byte of the rest with 0xFF.
    @Test(
        "the empty key and bytes past 127 have the hashes of the Java client",
        arguments: [
            ([], 275_646_681), ([0xFF], -311_467_685), ([0x80, 0x81], 1_642_145_146),
            ([0x80, 0xFF, 0x9C], 706_937_509), ([0xFF, 0xFF, 0xFF, 0xFF], 644_171_429),
            ([0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0], 1_668_561_609),
        ] as [([UInt8], Int32)])
    func hashesHighBytes(bytes: [UInt8], hash: Int32) {
        #expect(Int32(bitPattern: murmur2(bytes)) == hash)
    }

    @Test(
        "partitions are those of the Java client: the hash without its sign, modulo their number",
        arguments: [
            ("21", 0, 44), ("foobar", 6, 62), ("a-little-bit-long-string", 8, 32),
            ("a-little-bit-longer-string", 11, 3),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5, 13), ("abc", 3, 27),
            ("", 9, 25),
        ] as [(String, Int32, Int32)])
    func choosesPartitions(text: String, of12: Int32, of64: Int32) {
        let key = Array(text.utf8)
        #expect(Producer.partition(of: key, partitionCount: 12) == of12)
        #expect(Producer.partition(of: key, partitionCount: 64) == of64)
        #expect(Producer.partition(of: key, partitionCount: 1) == 0)
    }

    @Test("every partition is used, none outside", arguments: [1, 2, 3, 12, 64])
    func coversPartitions(count: Int) {
        var used: Set<Int32> = []
        for number in 0..<2000 {
            used.insert(
                Producer.partition(of: Array("circle-\(number)".utf8), partitionCount: count))
        }
        #expect(used == Set(0..<Int32(count)))
    }

    @Test("every length of the rest counts, up to the last byte", arguments: 1...17)
    func readsAllBytes(count: Int) {
        let key = (0..<count).map { UInt8($0 &* 37 & 0xFF) }
        for index in key.indices {
            var changed = key
            changed[index] ^= 0x80
            #expect(murmur2(changed) != murmur2(key), "byte \(index) of \(count)")
        }
    }
}
