/// Datagrams that wait for their time, soonest first; of equal times, the one added first. All
/// memory is allocated at the start. Not thread-safe.
public final class DelayedDatagrams {
    private struct Entry {
        var dueNanoseconds: Int64
        /// Breaks ties.
        var order: UInt64
        var slot: Int

        static func < (left: Entry, right: Entry) -> Bool {
            left.dueNanoseconds == right.dueNanoseconds
                ? left.order < right.order : left.dueNanoseconds < right.dueNanoseconds
        }
    }

    private let slotBytes: Int
    private let arena: UnsafeMutableRawPointer
    private var lengths: [Int]
    private var destinations: [Int]
    private var freeSlots: [Int]
    /// A binary min-heap.
    private var heap: [Entry] = []
    private var nextOrder: UInt64 = 0

    /// Room for `capacity` datagrams of up to `slotBytes` bytes.
    public init(capacity: Int, slotBytes: Int = 1536) {
        precondition(capacity > 0 && slotBytes > 0, "there is room for a datagram")
        self.slotBytes = slotBytes
        arena = .allocate(byteCount: capacity * slotBytes, alignment: 16)
        arena.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * slotBytes)
        lengths = Array(repeating: 0, count: capacity)
        destinations = Array(repeating: 0, count: capacity)
        freeSlots = Array((0..<capacity).reversed())
        heap.reserveCapacity(capacity)
    }

    deinit {
        arena.deallocate()
    }

    public var count: Int { heap.count }

    /// When the soonest is due; `nil` when none waits.
    public var nextDueNanoseconds: Int64? { heap.first?.dueNanoseconds }

    /// Adds a copy of a datagram; `false`, and nothing added, when there is no room for it.
    /// `destination` is the caller's.
    public func add(
        _ datagram: UnsafeRawBufferPointer, dueNanoseconds: Int64, destination: Int
    ) -> Bool {
        guard datagram.count <= slotBytes, let slot = freeSlots.popLast() else { return false }
        UnsafeMutableRawBufferPointer(start: arena + slot * slotBytes, count: slotBytes)
            .copyMemory(from: datagram)
        lengths[slot] = datagram.count
        destinations[slot] = destination
        heap.append(Entry(dueNanoseconds: dueNanoseconds, order: nextOrder, slot: slot))
        nextOrder += 1
        siftUp(heap.count - 1)
        return true
    }

    /// Takes out the soonest when it is due; `false` when none is. `body` gets its bytes, valid
    /// until it returns, and its destination, and must not add to this queue.
    public func takeDue(
        nanoseconds now: Int64,
        _ body: (_ datagram: UnsafeRawBufferPointer, _ destination: Int) -> Void
    ) -> Bool {
        guard let first = heap.first, first.dueNanoseconds <= now else { return false }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown()
        let bytes = UnsafeRawBufferPointer(
            start: arena + first.slot * slotBytes, count: lengths[first.slot])
        body(bytes, destinations[first.slot])
        freeSlots.append(first.slot)
        return true
    }

    private func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private func siftDown() {
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right] < heap[left] ? right : left
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }
}
