internal import CLinuxNet
import Glibc

/// A non-blocking UDP socket that moves datagrams in batches.
///
/// Closed when the last reference goes. The kernel lets any thread use it; each thread has
/// headers of its own.
public final class DatagramSocket: Sendable {
    /// The most datagrams that one `receive` takes.
    public static let receiveMax = Int(CIRCLES_RECEIVE_MAX)

    let descriptor: Int32
    private let family: Int32
    /// The bound port, also when it was asked for as 0.
    public let localPort: UInt16

    /// Binds to an IPv4 or IPv6 literal; `::` takes IPv4 as well, port 0 picks a free port.
    ///
    /// Each of its two buffers is `bufferBytes`, or as much of it as the system allows.
    public init(
        host: String, port: UInt16 = 0, bufferBytes: Int32 = 4 << 20
    ) throws(DatagramError) {
        precondition(
            MemoryLayout<DatagramAddress>.stride == MemoryLayout<circles_address>.stride,
            "addresses pass to C without conversion")
        let descriptor = circles_udp_open(host, port, bufferBytes)
        guard descriptor >= 0 else {
            throw DatagramError(number: errno, operation: "bind \(host):\(port)")
        }
        let family = circles_udp_family(descriptor)
        let local = circles_udp_port(descriptor)
        guard family >= 0, local >= 0 else {
            let number = errno
            circles_close(descriptor)
            throw DatagramError(number: number, operation: "getsockname \(host):\(port)")
        }
        self.descriptor = descriptor
        self.family = family
        localPort = UInt16(truncatingIfNeeded: local)
    }

    deinit {
        circles_close(descriptor)
    }

    /// Takes the datagrams that wait, at most `receiveMax`, in place of what the batch held.
    /// One longer than the batch's stride is taken with length 0.
    ///
    /// Cost: one system call, no allocation.
    @discardableResult
    public func receive(into batch: DatagramBatch) -> Int {
        batch.count = receive(
            arena: batch.arena, stride: batch.stride, lengths: batch.lengths,
            addresses: batch.addresses, capacity: batch.capacity)
        return batch.count
    }

    /// The same into memory of the caller's: `capacity` × `stride` bytes, `capacity` lengths and
    /// as many addresses laid out as `DatagramAddress`.
    public func receive(
        arena: UnsafeMutableRawPointer, stride: Int, lengths: UnsafeMutablePointer<UInt32>,
        addresses: UnsafeMutableRawPointer, capacity: Int
    ) -> Int {
        precondition(stride > 0 && capacity > 0, "there is room for a datagram")
        let count = circles_receive_batch(
            descriptor, arena, stride, UInt32(clamping: min(capacity, Self.receiveMax)), lengths,
            addresses.assumingMemoryBound(to: circles_address.self))
        precondition(count >= 0, "an open socket and valid memory can be received from")
        return Int(count)
    }

    /// Sends every datagram of a batch, which stays as it is.
    ///
    /// Cost: one system call per 256 datagrams, no allocation; waits for room at most 5 ms.
    @available(*, noasync)
    @discardableResult
    public func send(_ batch: DatagramBatch) -> SendOutcome {
        send(
            arena: batch.arena, stride: batch.stride, lengths: batch.lengths,
            addresses: batch.addresses, count: batch.count)
    }

    /// The same from memory of the caller's, laid out as in `DatagramBatch`.
    @available(*, noasync)
    public func send(
        arena: UnsafeRawPointer, stride: Int, lengths: UnsafePointer<UInt32>,
        addresses: UnsafeRawPointer, count: Int
    ) -> SendOutcome {
        precondition(stride > 0 && count >= 0, "a batch has a shape")
        let outcome = circles_send_batch(
            descriptor, family, arena, stride, lengths,
            addresses.assumingMemoryBound(to: circles_address.self), UInt32(clamping: count))
        return SendOutcome(
            sent: Int(outcome.sent), dropped: Int(outcome.dropped), failed: Int(outcome.failed),
            lastErrorNumber: outcome.last_error)
    }
}
