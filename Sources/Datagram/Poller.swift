internal import CLinuxNet
import Glibc

/// Waits until sockets can be read or a `WakeUp` was signalled (epoll, level-triggered).
/// Not thread-safe: a poller belongs to one thread.
public final class Poller {
    /// The most tokens that one `wait` returns; the rest come with the next.
    public static let readyMax = Int(CIRCLES_EVENTS_MAX)

    private let descriptor: Int32
    private let tokens: UnsafeMutablePointer<UInt32>

    public init() throws(DatagramError) {
        let descriptor = circles_epoll_create()
        guard descriptor >= 0 else {
            throw DatagramError(number: errno, operation: "epoll_create")
        }
        self.descriptor = descriptor
        tokens = .allocate(capacity: Self.readyMax)
        tokens.initialize(repeating: 0, count: Self.readyMax)
    }

    deinit {
        circles_close(descriptor)
        tokens.deallocate()
    }

    /// Watches a socket; `token` names it in what `wait` returns. The kernel forgets it when it
    /// is closed.
    public func add(_ socket: DatagramSocket, token: UInt32) throws(DatagramError) {
        try add(descriptor: socket.descriptor, token: token)
    }

    /// Watches a wake-up, which stays ready until it is drained.
    public func add(_ wakeUp: WakeUp, token: UInt32) throws(DatagramError) {
        try add(descriptor: wakeUp.descriptor, token: token)
    }

    /// Stops to watch a socket.
    public func remove(_ socket: DatagramSocket) throws(DatagramError) {
        guard circles_epoll_remove(descriptor, socket.descriptor) == 0 else {
            throw DatagramError(number: errno, operation: "epoll_ctl remove")
        }
    }

    private func add(descriptor watched: Int32, token: UInt32) throws(DatagramError) {
        guard circles_epoll_add(descriptor, watched, token) == 0 else {
            throw DatagramError(number: errno, operation: "epoll_ctl add")
        }
    }

    /// Waits up to `nanoseconds`, without end when `nil`, not at all when 0 or less. Empty after
    /// that time or a signal.
    ///
    /// Cost: one system call, no allocation.
    @available(*, noasync)
    public func wait(nanoseconds: Int64?) -> ReadyTokens {
        let limit = nanoseconds.map { max($0, 0) } ?? -1
        let count = circles_epoll_wait(
            descriptor, tokens, UInt32(truncatingIfNeeded: Self.readyMax), limit)
        precondition(count >= 0, "an open epoll descriptor can be waited on")
        return ReadyTokens(tokens: tokens, count: Int(count))
    }
}

/// The tokens of what can be read, valid until the poller's next `wait`.
public struct ReadyTokens {
    let tokens: UnsafeMutablePointer<UInt32>
    public let count: Int

    public subscript(index: Int) -> UInt32 {
        precondition(index >= 0 && index < count, "a token is inside the set")
        return tokens[index]
    }

    public func contains(_ token: UInt32) -> Bool {
        for index in 0..<count where tokens[index] == token {
            return true
        }
        return false
    }
}
