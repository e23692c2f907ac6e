/// Datagrams on their way out, in memory that was allocated once.
///
/// The owner sends them and sets `count` to 0 whenever `onFull` runs and at the end of a round.
/// One thread at a time.
public final class PacketBatch {
    /// Bytes from the start of one datagram to the next: the largest datagram, and an odd number
    /// of cache lines so that datagrams do not compete for the same sets.
    public static let stride = 1600
    /// The largest datagram that is sent: an Ethernet frame's payload less IPv6 and UDP headers.
    public static let datagramByteCountMax = 1452

    public let capacity: Int
    public let bytes: UnsafeMutableRawPointer
    public let lengths: UnsafeMutablePointer<UInt32>
    public let addresses: UnsafeMutablePointer<TransportAddress>
    public var count = 0

    /// Sends what is there; called when there is no room for another datagram.
    private let onFull: (PacketBatch) -> Void

    public init(capacity: Int = 256, onFull: @escaping (PacketBatch) -> Void) {
        precondition(capacity > 0, "a batch holds something")
        self.capacity = capacity
        self.onFull = onFull
        bytes = .allocate(byteCount: capacity * Self.stride, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.stride)
        lengths = .allocate(capacity: capacity)
        lengths.initialize(repeating: 0, count: capacity)
        addresses = .allocate(capacity: capacity)
        addresses.initialize(
            repeating: TransportAddress(high: 0, low: 0, port: 0), count: capacity)
    }

    deinit {
        bytes.deallocate()
        lengths.deallocate()
        addresses.deallocate()
    }

    /// Room for the next datagram of up to `stride` bytes, valid until the next call.
    @inline(__always)
    func reserve() -> UnsafeMutablePointer<UInt8> {
        if count == capacity { empty() }
        return (bytes + count &* Self.stride).assumingMemoryBound(to: UInt8.self)
    }

    /// Adds the reserved datagram.
    @inline(__always)
    func commit(length: Int, to address: TransportAddress) {
        lengths[count] = UInt32(truncatingIfNeeded: length)
        addresses[count] = address
        count &+= 1
    }

    /// Adds a copy of a datagram; one that is too large is left out.
    func append(_ datagram: UnsafeRawBufferPointer, to address: TransportAddress) {
        guard datagram.count <= Self.datagramByteCountMax, let start = datagram.baseAddress else {
            return
        }
        UnsafeMutableRawPointer(reserve()).copyMemory(from: start, byteCount: datagram.count)
        commit(length: datagram.count, to: address)
    }

    /// The datagram at an index.
    public func datagram(at index: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index < count, "only what is there")
        return UnsafeMutableRawBufferPointer(
            start: bytes + index * Self.stride, count: Int(lengths[index]))
    }

    @inline(never)
    private func empty() {
        onFull(self)
        precondition(count == 0, "the owner sends what is there")
    }
}
