/// The bounds of live updates in one process, and what happens past them.
public struct LiveLimits: Sendable {
    /// Streams at once; more are refused with 503.
    public var subscriberCountMax = 10_000
    /// Streams of one circle; more are refused with 503. A full circle has 108 members, some of
    /// them with two devices.
    public var circleSubscriberCountMax = 1_000
    /// Streams of one user; more are refused with 429.
    public var userSubscriberCountMax = 10
    /// Messages that wait for one client to read on; past it the stream is ended, and the client
    /// resumes.
    public var queueCountMax = 1_024
    /// The same in bytes. The bytes are shared by all who wait for the same message.
    public var queueByteCountMax = 512 << 10
    /// Events of one circle that are read at once.
    public var readCountMax = 256
    /// Circles that are read at once.
    public var readCircleCountMax = 200
    /// How often the feed looks at all its streams.
    public var tickMilliseconds = 1_000
    /// A stream on which nothing was written for so many ticks gets a comment.
    public var heartbeatTickCount = 15
    /// A write that takes so many ticks is given up, with its connection.
    public var stalledTickCount = 30

    public init() {}
}
