/// A point on a clock that only moves forward, in nanoseconds since an arbitrary start. Always
/// handed in: nothing in `RTC` reads a clock.
@frozen
public struct MonotonicTime: Hashable, Sendable, Comparable {
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Later than any other.
    public static let distantFuture = MonotonicTime(nanoseconds: .max)

    @inlinable
    public static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    @inlinable
    public func adding(milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ milliseconds &* 1_000_000)
    }

    @inlinable
    public func adding(microseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ microseconds &* 1000)
    }

    /// Nanoseconds since an earlier point.
    @inlinable
    public func since(_ earlier: MonotonicTime) -> Int64 {
        nanoseconds &- earlier.nanoseconds
    }
}
