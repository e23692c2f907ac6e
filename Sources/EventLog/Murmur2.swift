/// The hash of Kafka's default partitioner, kept here so that a partition is known before a
/// record is produced.
/// Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2`.
func murmur2(_ bytes: [UInt8]) -> UInt32 {
    let multiplier: UInt32 = 0x5bd1_e995
    var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
    var index = 0
    while index + 4 <= bytes.count {
        var block =
            UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
            | UInt32(bytes[index + 3]) << 24
        block = block &* multiplier
        block ^= block >> 24
        block = block &* multiplier
        hash = hash &* multiplier
        hash ^= block
        index += 4
    }
    let rest = bytes.count - index
    if rest >= 3 { hash ^= UInt32(bytes[index + 2]) << 16 }
    if rest >= 2 { hash ^= UInt32(bytes[index + 1]) << 8 }
    if rest >= 1 {
        hash ^= UInt32(bytes[index])
        hash = hash &* multiplier
    }
    hash ^= hash >> 13
    hash = hash &* multiplier
    hash ^= hash >> 15
    return hash
}
