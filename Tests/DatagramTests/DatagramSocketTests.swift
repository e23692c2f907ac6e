import Datagram
import Glibc
import Testing

@Suite("UDP sockets in batches")
struct DatagramSocketTests {
    private func numbered(_ number: Int) -> [UInt8] {
        [UInt8(number & 0xFF), UInt8(number >> 8)] + [UInt8](repeating: 0xAB, count: number % 64)
    }

    private func roundTrip(host: String, to address: (UInt16) -> DatagramAddress) throws {
        let receiver = try DatagramSocket(host: host)
        let sender = try DatagramSocket(host: host)
        let batch = DatagramBatch(capacity: 300)
        for number in 0..<300 {
            #expect(batch.append(numbered(number), to: address(receiver.localPort)))
        }
        #expect(!batch.append([0], to: address(receiver.localPort)))
        #expect(sender.send(batch) == SendOutcome(sent: 300))
        let datagrams = try receive(300, from: receiver)
        #expect(datagrams == (0..<300).map(numbered))
    }

    @Test("A batch of 300 arrives whole, in order and with the sender's address")
    func batch() throws {
        try roundTrip(host: "127.0.0.1") { .loopback($0) }
        let receiver = try DatagramSocket(host: "127.0.0.1")
        let sender = try DatagramSocket(host: "127.0.0.1")
        let batch = DatagramBatch(capacity: 4)
        #expect(batch.append([1, 2, 3], to: .loopback(receiver.localPort)))
        sender.send(batch)
        let received = DatagramBatch(capacity: 4)
        #expect(receiver.receive(into: received) == 1)
        #expect(received.address(at: 0) == .loopback(sender.localPort))
        #expect(Array(received.datagram(at: 0)) == [1, 2, 3])
        #expect(receiver.receive(into: received) == 0)
    }

    @Test("IPv6 works as well, and a dual-stack socket talks to IPv4", .enabled(if: hasIPv6))
    func ipv6() throws {
        try roundTrip(host: "::1") { DatagramAddress(high: 0, low: 1, port: $0) }
        let dual = try DatagramSocket(host: "::")
        let plain = try DatagramSocket(host: "127.0.0.1")
        let batch = DatagramBatch(capacity: 1)
        #expect(batch.append([7], to: .loopback(dual.localPort)))
        #expect(plain.send(batch).sent == 1)
        #expect(dual.receive(into: batch) == 1)
        #expect(batch.address(at: 0) == .loopback(plain.localPort))
        // The received datagram goes back to where it came from.
        #expect(dual.send(batch).sent == 1)
        #expect(try receive(1, from: plain) == [[7]])
    }

    @Test("A datagram that cannot be sent does not hold up the others")
    func failures() throws {
        let receiver = try DatagramSocket(host: "127.0.0.1")
        let sender = try DatagramSocket(host: "127.0.0.1")
        let closed = try DatagramSocket(host: "127.0.0.1").localPort
        let batch = DatagramBatch(capacity: 8, stride: 70_000)
        let good = DatagramAddress.loopback(receiver.localPort)
        #expect(batch.append([1], to: good))
        #expect(batch.append([2], to: .loopback(closed)))
        #expect(batch.append([3], to: DatagramAddress(high: 0x2001_0DB8 << 32, low: 1, port: 9)))
        #expect(batch.append([UInt8](repeating: 4, count: 69_000), to: good))
        #expect(batch.append([5], to: DatagramAddress(high: 0, low: 0xFFFF_7F00_0001, port: 0)))
        #expect(batch.append([6], to: good))
        for _ in 0..<2 {
            let outcome = sender.send(batch)
            // Nobody tells a socket without a peer that a port is closed: that one counts as sent.
            #expect(outcome.sent == 3)
            #expect(outcome.failed == 3)
            #expect(outcome.dropped == 0)
            #expect([EMSGSIZE, EINVAL].contains(outcome.lastErrorNumber))
        }
        #expect(try receive(4, from: receiver) == [[1], [6], [1], [6]])
    }

    @Test("A datagram longer than the batch's stride is taken with length 0")
    func truncated() throws {
        let receiver = try DatagramSocket(host: "127.0.0.1")
        let sender = try DatagramSocket(host: "127.0.0.1")
        let batch = DatagramBatch(capacity: 3)
        for length in [1000, 101, 100] {
            #expect(
                batch.append(
                    [UInt8](repeating: 1, count: length), to: .loopback(receiver.localPort)))
        }
        sender.send(batch)
        let received = DatagramBatch(capacity: 3, stride: 100)
        #expect(receiver.receive(into: received) == 3)
        #expect((0..<3).map { received.lengths[$0] } == [0, 0, 100])
    }

    @Test("Memory of the caller's is used as a batch is, by turns with other memory")
    func rawMemory() throws {
        let receiver = try DatagramSocket(host: "127.0.0.1")
        let sender = try DatagramSocket(host: "127.0.0.1")
        let source = DatagramBatch(capacity: 5, stride: 64)
        let small = DatagramBatch(capacity: 2, stride: 32)
        let large = DatagramBatch(capacity: 3, stride: 64)
        for number in 0..<5 {
            #expect(source.append([UInt8(number)], to: .loopback(receiver.localPort)))
        }
        let outcome = sender.send(
            arena: UnsafeRawPointer(source.arena), stride: source.stride,
            lengths: UnsafePointer(source.lengths), addresses: UnsafeRawPointer(source.addresses),
            count: 5)
        #expect(outcome == SendOutcome(sent: 5))
        var heard: [UInt8] = []
        for batch in [small, large] {
            let count = receiver.receive(
                arena: batch.arena, stride: batch.stride, lengths: batch.lengths,
                addresses: batch.addresses, capacity: batch.capacity)
            #expect(count == batch.capacity)
            heard += (0..<count).map { batch.bytes(at: $0).load(as: UInt8.self) }
        }
        #expect(heard == [0, 1, 2, 3, 4])
    }

    @Test("A taken port and a host that is no address are refused by name")
    func refused() throws {
        let taken = try DatagramSocket(host: "127.0.0.1")
        let error = #expect(throws: DatagramError.self) {
            try DatagramSocket(host: "127.0.0.1", port: taken.localPort)
        }
        #expect(error?.code == "EADDRINUSE")
        #expect(error?.isRetriable == true)
        #expect(error?.description == "bind 127.0.0.1:\(taken.localPort): EADDRINUSE")
        let other = #expect(throws: DatagramError.self) { try DatagramSocket(host: "localhost") }
        #expect(other?.code == "EINVAL")
        #expect(other?.isRetriable == false)
    }

    @Test(
        "Literals are read as addresses",
        arguments: [
            ("192.0.2.1", 0, 0xFFFF_C000_0201), ("::1", 0, 1),
            ("2001:db8::2", 0x2001_0DB8_0000_0000, 2), ("::ffff:127.0.0.1", 0, 0xFFFF_7F00_0001),
        ] as [(String, UInt64, UInt64)])
    func literals(host: String, high: UInt64, low: UInt64) {
        #expect(
            DatagramAddress(host: host, port: 9) == DatagramAddress(high: high, low: low, port: 9))
        #expect(DatagramAddress(host: host + "x", port: 9) == nil)
    }
}

/// A machine may have no IPv6, which is no failure of ours.
private let hasIPv6 = (try? DatagramSocket(host: "::1")) != nil
