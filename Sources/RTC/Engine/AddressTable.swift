/// From the address of a datagram to the transport that it belongs to. Open addressing with
/// linear probing; no allocation after the start.
struct AddressTable: ~Copyable {
    private struct Entry {
        var address: TransportAddress
        /// −1 when free.
        var peer: Int32
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private(set) var count = 0
    private let countMax: Int

    /// - Parameter countMax: how many addresses fit; the table is twice as large.
    init(countMax: Int) {
        self.countMax = countMax
        var size = 16
        while size < countMax * 2 { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(
            repeating: Entry(address: TransportAddress(high: 0, low: 0, port: 0), peer: -1),
            count: size)
    }

    deinit {
        entries.deallocate()
    }

    /// The peer at an address, −1 when there is none.
    @inline(__always)
    func peer(at address: TransportAddress) -> Int32 {
        var index = home(of: address)
        while entries[index].peer >= 0 {
            if entries[index].address == address { return entries[index].peer }
            index = (index &+ 1) & mask
        }
        return -1
    }

    /// - Returns: whether there was room.
    mutating func insert(_ address: TransportAddress, peer: Int32) -> Bool {
        var index = home(of: address)
        while entries[index].peer >= 0 {
            if entries[index].address == address {
                entries[index].peer = peer
                return true
            }
            index = (index &+ 1) & mask
        }
        guard count < countMax else { return false }
        entries[index] = Entry(address: address, peer: peer)
        count += 1
        return true
    }

    /// Takes an address out if it belongs to `peer`, and closes the gap that this leaves in its
    /// run of entries.
    mutating func remove(_ address: TransportAddress, peer: Int32) {
        var hole = home(of: address)
        while entries[hole].peer >= 0, entries[hole].address != address {
            hole = (hole &+ 1) & mask
        }
        guard entries[hole].peer == peer else { return }
        count -= 1
        var index = (hole &+ 1) & mask
        while entries[index].peer >= 0 {
            let distance = (index &- home(of: entries[index].address)) & mask
            if distance >= (index &- hole) & mask {
                entries[hole] = entries[index]
                hole = index
            }
            index = (index &+ 1) & mask
        }
        entries[hole].peer = -1
    }

    /// The constants are those of SplitMix64's finalizer.
    @inline(__always)
    private func home(of address: TransportAddress) -> Int {
        var hash = address.high ^ (address.low &+ UInt64(address.port) &* 0x9e37_79b9_7f4a_7c15)
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return Int(truncatingIfNeeded: hash ^ hash >> 31) & mask
    }
}
