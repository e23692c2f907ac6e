import Datagram

extension DatagramAddress {
    /// A port on 127.0.0.1.
    static func loopback(_ port: UInt16) -> DatagramAddress {
        DatagramAddress(high: 0, low: 0xFFFF_7F00_0001, port: port)
    }
}

/// Receives from a socket until it has so many datagrams or five seconds passed without one.
@available(*, noasync)
func receive(_ count: Int, from socket: DatagramSocket) throws -> [[UInt8]] {
    let poller = try Poller()
    try poller.add(socket, token: 0)
    let batch = DatagramBatch(capacity: 128)
    var datagrams: [[UInt8]] = []
    while datagrams.count < count, poller.wait(nanoseconds: 5_000_000_000).count > 0 {
        socket.receive(into: batch)
        for index in 0..<batch.count {
            datagrams.append(Array(batch.datagram(at: index)))
        }
    }
    return datagrams
}

extension DatagramBatch {
    func append(_ bytes: [UInt8], to address: DatagramAddress) -> Bool {
        bytes.withUnsafeBytes { append($0, to: address) }
    }
}
