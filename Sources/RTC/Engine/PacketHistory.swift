/// The last packets of one microphone, decrypted, for retransmissions. Memory is taken once.
struct PacketHistory: ~Copyable {
    /// 1.28 s of 20 ms packets.
    static let packetCount = 64
    private static let payloadByteCountMax = 1280

    struct Entry {
        var sequence: UInt64 = .max
        var timestamp: UInt32 = 0
        var receivedAt = MonotonicTime(nanoseconds: 0)
        var payloadLength: UInt16 = 0
        var payloadType: UInt8 = 0
        var isMarked = false
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let payloads: UnsafeMutablePointer<UInt8>

    init() {
        entries = .allocate(capacity: Self.packetCount)
        entries.initialize(repeating: Entry(), count: Self.packetCount)
        payloads = .allocate(capacity: Self.packetCount * Self.payloadByteCountMax)
    }

    deinit {
        entries.deallocate()
        payloads.deallocate()
    }

    mutating func store(
        sequence: UInt64, header: RTPHeader, payload: UnsafePointer<UInt8>, length: Int,
        now: MonotonicTime
    ) {
        let slot = Int(truncatingIfNeeded: sequence) & (Self.packetCount - 1)
        guard length <= Self.payloadByteCountMax else {
            entries[slot].sequence = .max
            return
        }
        entries[slot] = Entry(
            sequence: sequence, timestamp: header.timestamp, receivedAt: now,
            payloadLength: UInt16(length), payloadType: header.payloadType,
            isMarked: header.marker)
        (payloads + slot * Self.payloadByteCountMax).update(from: payload, count: length)
    }

    /// Forgets everything: another source may use the same numbers for other payloads.
    mutating func clear() {
        for slot in 0..<Self.packetCount { entries[slot].sequence = .max }
    }

    /// The packet with a number, if it is still there.
    func packet(_ sequence: UInt64) -> (entry: Entry, payload: UnsafePointer<UInt8>)? {
        let slot = Int(truncatingIfNeeded: sequence) & (Self.packetCount - 1)
        guard entries[slot].sequence == sequence else { return nil }
        return (entries[slot], UnsafePointer(payloads + slot * Self.payloadByteCountMax))
    }
}
