import Datagram
import Foundation

/// Wakes one waiting thread; a signal that nobody waits for is kept.
final class Signal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func send() {
        semaphore.signal()
    }

    /// Waits for a signal until the time is up, and takes all that have come.
    @available(*, noasync)
    func wait(milliseconds: Int) {
        guard semaphore.wait(timeout: .now() + .milliseconds(milliseconds)) == .success else {
            return
        }
        while semaphore.wait(timeout: .now()) == .success {}
    }
}

enum MonotonicMilliseconds {
    static func now() -> Int64 { SystemClock.monotonicNanoseconds() / 1_000_000 }
}
