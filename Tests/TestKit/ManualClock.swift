import Domain
import Synchronization

/// A clock that stands until it is moved.
public final class ManualClock: WallClock {
    private let time: Mutex<Timestamp>

    public init(_ time: Timestamp = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!) {  // well-formed
        self.time = Mutex(time)
    }

    public func now() -> Timestamp {
        time.withLock { $0 }
    }

    public func advance(seconds: Int64) {
        time.withLock { $0 = $0.adding(seconds: seconds) }
    }
}

/// A repeatable generator (SplitMix64), its seed in a failure's message.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
