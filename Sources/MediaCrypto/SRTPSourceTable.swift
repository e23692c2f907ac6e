/// The replay windows of the sources that one peer sends from: a fixed table, found by SSRC.
/// A source is added only once a packet of it was authenticated, so nobody without the key can
/// push one out. When the table is full, the least recently heard one goes; its late packets
/// could then be replayed by the peer's own network, which costs no more than a glitch.
struct SRTPSourceTable: ~Copyable {
    static let capacity = 8

    private struct Entry {
        var ssrc: UInt32
        var lastUse: UInt64
        var window: SRTPReplayWindow
    }

    private let entries: UnsafeMutablePointer<Entry>
    private(set) var count = 0
    private var clock: UInt64 = 0

    init() {
        entries = .allocate(capacity: Self.capacity)
    }

    deinit {
        entries.deallocate()
    }

    /// The place of a source, nil when it is unknown.
    func slot(of ssrc: UInt32) -> Int? {
        for slot in 0..<count where entries[slot].ssrc == ssrc { return slot }
        return nil
    }

    func window(at slot: Int) -> SRTPReplayWindow {
        entries[slot].window
    }

    /// Records an authenticated packet of `ssrc`. `slot` is what `slot(of:)` gave for it.
    mutating func insert(_ index: UInt64, ssrc: UInt32, slot: Int?) {
        clock &+= 1
        if let slot {
            entries[slot].lastUse = clock
            entries[slot].window.insert(index)
            return
        }
        let entry = Entry(ssrc: ssrc, lastUse: clock, window: SRTPReplayWindow(first: index))
        if count < Self.capacity {
            (entries + count).initialize(to: entry)
            count += 1
            return
        }
        var oldest = 0
        for slot in 1..<count where entries[slot].lastUse < entries[oldest].lastUse {
            oldest = slot
        }
        entries[oldest] = entry
    }
}
