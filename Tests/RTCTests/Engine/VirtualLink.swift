import RTC

/// One direction between a client and the engine.
struct VirtualLink {
    /// Of RTP: 0…1.
    var loss = 0.0
    /// Of STUN and RTCP: 0…1. DTLS is never lost: its timers are OpenSSL's, on the real clock,
    /// which virtual time does not wait for.
    var controlLoss = 0.0
    /// Of RTP, STUN and RTCP: 0…1.
    var duplication = 0.0
    /// Every datagram takes so long, and RTP up to `jitterMilliseconds` more: above 20 it is
    /// reordered.
    var delayMilliseconds = 5
    var jitterMilliseconds = 0

    /// When the copies of a datagram arrive; none when it is lost.
    func arrivals(
        of kind: PacketKind, sentAt now: MonotonicTime, using random: inout PacketMutator
    ) -> [MonotonicTime] {
        let base = now.adding(milliseconds: Int64(delayMilliseconds))
        guard kind != .dtls else { return [base] }
        guard Double.random(in: 0..<1, using: &random) >= (kind == .rtp ? loss : controlLoss)
        else { return [] }
        let copyCount = Double.random(in: 0..<1, using: &random) < duplication ? 2 : 1
        let jitterMicroseconds = kind == .rtp ? jitterMilliseconds * 1000 : 0
        return (0..<copyCount).map { _ in
            base.adding(
                microseconds: Int64.random(in: 0...Int64(jitterMicroseconds), using: &random))
        }
    }
}

/// What will happen, the earliest first; of two at the same time the one that was added first.
struct VirtualSchedule<Happening> {
    private struct Entry {
        let at: MonotonicTime
        let order: Int
        let happening: Happening

        func comes(before other: Entry) -> Bool {
            at == other.at ? order < other.order : at < other.at
        }
    }

    private var heap: [Entry] = []
    private var lastOrder = 0

    var next: MonotonicTime { heap.first?.at ?? .distantFuture }

    mutating func add(_ happening: Happening, at time: MonotonicTime) {
        lastOrder += 1
        heap.append(Entry(at: time, order: lastOrder, happening: happening))
        var child = heap.count - 1
        while child > 0, heap[child].comes(before: heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take(dueAt now: MonotonicTime) -> Happening? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.happening }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].comes(before: heap[least]) { least = child }
            }
            guard least != parent else { return first.happening }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
