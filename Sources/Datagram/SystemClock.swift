internal import CLinuxNet

/// The system's clocks, for those at the edge that hand time to the rest.
public enum SystemClock {
    /// Nanoseconds since an arbitrary start; only moves forward.
    public static func monotonicNanoseconds() -> Int64 {
        circles_monotonic_ns()
    }

    /// User and system time that the calling thread has used, in nanoseconds.
    public static func threadCPUNanoseconds() -> Int64 {
        circles_thread_cpu_ns()
    }

    /// Microseconds since 1970, UTC.
    public static func wallMicroseconds() -> Int64 {
        circles_wall_us()
    }
}
