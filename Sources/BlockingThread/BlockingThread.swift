import Foundation
import Synchronization

/// Runs blocking work on a thread of its own, so that it never holds a thread of the
/// cooperative pool.
public enum BlockingThread {
    /// Runs `body` on a new thread named `name` and returns what it returns.
    ///
    /// Cancellation does not interrupt `body`; hand it a `StopFlag` for that.
    public static func run<Result: Sendable>(
        name: String, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            start(name: name) {
                continuation.resume(with: Swift.Result { try body() })
            }
        }
    }

    /// Starts `body` on a new thread named `name` and returns at once.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        // A name that is set from outside does not reach the kernel, where `top` would show it.
        let thread = Thread {
            Thread.current.name = name
            body()
        }
        thread.stackSize = 1 << 20
        thread.start()
    }
}

/// A one-way signal to a loop on a thread of its own: once raised it stays raised.
public final class StopFlag: Sendable {
    private let raised = Atomic<Bool>(false)

    public init() {}

    public func raise() {
        raised.store(true, ordering: .releasing)
    }

    public var isRaised: Bool {
        raised.load(ordering: .acquiring)
    }

    /// Sleeps on the calling thread until `milliseconds` have passed or the flag is raised,
    /// whichever is first; looks at the flag every 20 ms.
    @available(*, noasync)
    public func wait(milliseconds: Int) {
        var left = milliseconds
        while left > 0, !isRaised {
            let step = min(left, 20)
            // The flag has no wait of its own; 20 ms is how late a stop may be.
            Thread.sleep(forTimeInterval: Double(step) / 1000)
            left -= step
        }
    }
}
