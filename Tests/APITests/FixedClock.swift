import Domain
import Synchronization

/// A clock that stands still until it is moved.
final class FixedClock: WallClock {
    /// 2026-11-23T09:30:00Z.
    static let start = Timestamp(seconds: 1_795_426_200)

    private let time = Mutex(FixedClock.start)

    func now() -> Timestamp { time.withLock { $0 } }

    func advance(seconds: Int64) {
        time.withLock { $0 = $0.adding(seconds: seconds) }
    }
}
