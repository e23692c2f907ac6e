internal import CLinuxNet
import Glibc

/// Makes a `Poller` return from another thread (eventfd). Signals before a drain count as one.
public final class WakeUp: Sendable {
    let descriptor: Int32

    public init() throws(DatagramError) {
        let descriptor = circles_eventfd_create()
        guard descriptor >= 0 else {
            throw DatagramError(number: errno, operation: "eventfd")
        }
        self.descriptor = descriptor
    }

    deinit {
        circles_close(descriptor)
    }

    /// From any thread; does not block.
    public func signal() {
        circles_eventfd_signal(descriptor)
    }

    /// Takes the signals so far. Read what was to be announced after this, not before.
    public func drain() {
        circles_eventfd_drain(descriptor)
    }
}
