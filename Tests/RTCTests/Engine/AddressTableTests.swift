import Testing

@testable import RTC

@Suite("Address table")
struct AddressTableTests {
    @Test("is a dictionary with a bound", arguments: [1, 2, 3] as [UInt64])
    func model(seed: UInt64) {
        var random = PacketMutator(seed: seed)
        var table = AddressTable(countMax: 40)
        var model: [TransportAddress: Int32] = [:]
        // Few different addresses in a small table: long runs, and removals within them.
        let addresses = (0..<80).map { _ in
            TransportAddress(
                high: UInt64.random(in: 0...3, using: &random), low: random.next() & 0xFF,
                port: UInt16.random(in: 1...4, using: &random))
        }
        for _ in 0..<20_000 {
            guard let address = addresses.randomElement(using: &random) else { return }
            let peer = Int32.random(in: 0..<4, using: &random)
            if Bool.random(using: &random) {
                let hasRoom = model[address] != nil || model.count < 40
                let wasInserted = table.insert(address, peer: peer)
                #expect(wasInserted == hasRoom)
                if hasRoom { model[address] = peer }
            } else {
                table.remove(address, peer: peer)
                if model[address] == peer { model[address] = nil }
            }
        }
        #expect(table.count == model.count)
        for address in addresses {
            #expect(table.peer(at: address) == model[address] ?? -1)
        }
    }
}
