import Glibc

/// Ends a thread's wait for notifications from another thread.
///
/// A pipe that never holds more than matters: what does not fit is a wake-up that is there already.
public final class WakeUp: Sendable {
    let descriptor: Int32
    private let writer: Int32

    public init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "a process that starts can open two descriptors")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (descriptor, writer) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    /// Lets the wait that is under way, or else the next one, return at once.
    public func signal() {
        var byte: UInt8 = 1
        // A full pipe wakes as well.
        _ = write(writer, &byte, 1)
    }

    func clear() {
        var bytes = [UInt8](repeating: 0, count: 512)
        while read(descriptor, &bytes, bytes.count) == bytes.count {}
    }
}
