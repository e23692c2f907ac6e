/// Room for a fixed number of datagrams with their addresses, allocated once.
///
/// Datagram *i* is `lengths[i]` bytes at `arena + i * stride`; its peer is entry *i* of
/// `addresses`. Not thread-safe: a batch belongs to one thread.
public final class DatagramBatch {
    /// Bytes from one address to the next.
    public static let addressStride = MemoryLayout<DatagramAddress>.stride

    public let capacity: Int
    /// Bytes from one datagram to the next, and the longest datagram.
    public let stride: Int
    public let arena: UnsafeMutableRawPointer
    public let lengths: UnsafeMutablePointer<UInt32>
    /// `capacity` values laid out as `DatagramAddress`.
    public let addresses: UnsafeMutableRawPointer
    /// How many datagrams it holds, 0…`capacity`.
    public var count = 0

    /// Allocates `capacity` × `stride` bytes.
    public init(capacity: Int, stride: Int = 1536) {
        precondition(capacity > 0 && stride > 0, "a batch holds at least one byte")
        self.capacity = capacity
        self.stride = stride
        arena = .allocate(byteCount: capacity * stride, alignment: 64)
        arena.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * stride)
        lengths = .allocate(capacity: capacity)
        lengths.initialize(repeating: 0, count: capacity)
        addresses = .allocate(
            byteCount: capacity * Self.addressStride,
            alignment: MemoryLayout<DatagramAddress>.alignment)
        addresses.initializeMemory(
            as: DatagramAddress.self, repeating: DatagramAddress(high: 0, low: 0, port: 0),
            count: capacity)
    }

    deinit {
        arena.deallocate()
        lengths.deallocate()
        addresses.deallocate()
    }

    /// The first byte of a datagram, with `stride` bytes of room.
    public func bytes(at index: Int) -> UnsafeMutableRawPointer {
        precondition(index >= 0 && index < capacity, "a datagram is inside the batch")
        return arena + index * stride
    }

    /// The bytes of a datagram, valid until the batch is filled again.
    public func datagram(at index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: bytes(at: index), count: Int(lengths[index]))
    }

    /// The peer of a datagram.
    public func address(at index: Int) -> DatagramAddress {
        precondition(index >= 0 && index < capacity, "a datagram is inside the batch")
        return addresses.load(
            fromByteOffset: index * Self.addressStride, as: DatagramAddress.self)
    }

    /// Adds a copy of a datagram; `false`, and nothing added, when the batch is full or the
    /// datagram is longer than `stride`.
    @discardableResult
    public func append(_ datagram: UnsafeRawBufferPointer, to address: DatagramAddress) -> Bool {
        guard count < capacity, datagram.count <= stride else { return false }
        UnsafeMutableRawBufferPointer(start: arena + count * stride, count: stride)
            .copyMemory(from: datagram)
        lengths[count] = UInt32(truncatingIfNeeded: datagram.count)
        addresses.storeBytes(
            of: address, toByteOffset: count * Self.addressStride, as: DatagramAddress.self)
        count += 1
        return true
    }

    public func removeAll() {
        count = 0
    }
}
