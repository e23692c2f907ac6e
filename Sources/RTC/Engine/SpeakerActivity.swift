/// Whether a microphone's owner speaks, from the audio levels of its packets (RFC 6464).
///
/// A 20 ms frame is active when its level is at most `startLevel` below overload, or at most
/// `holdLevel` once the owner speaks. Someone begins to speak when 6 of the last 15 frames
/// (300 ms) are active, and stops when at most 2 of the last 40 (800 ms) are: the two differ so
/// that a pause between words is none.
struct SpeakerActivity {
    static let startLevel: UInt8 = 38
    static let holdLevel: UInt8 = 45
    /// Levels are 7 bits; this is what silence has.
    static let silence: UInt8 = 127

    private static let frameNanoseconds: Int64 = 20_000_000
    private static let startWindow: UInt64 = 1 << 15 - 1
    private static let holdWindow: UInt64 = 1 << 40 - 1

    private(set) var isSpeaking = false
    /// A moving average of −dBov over active frames: the smaller, the louder.
    private(set) var loudness = Float(Self.silence)
    private(set) var lastActiveAt = MonotonicTime(nanoseconds: 0)
    /// Bit n: whether the frame n × 20 ms ago was active.
    private var frames: UInt64 = 0
    private var frameNumber: Int64 = 0

    /// Takes the level of a packet that is forwarded.
    @inline(__always)
    mutating func hear(_ level: UInt8, now: MonotonicTime) {
        advance(to: now)
        let isActive = level <= (isSpeaking ? Self.holdLevel : Self.startLevel)
        if isActive {
            frames |= 1
            lastActiveAt = now
            loudness += (Float(level) - loudness) * 0.15
        }
    }

    /// - Returns: whether `isSpeaking` changed.
    mutating func update(now: MonotonicTime) -> Bool {
        advance(to: now)
        let speaks =
            isSpeaking
            ? (frames & Self.holdWindow).nonzeroBitCount > 2
            : (frames & Self.startWindow).nonzeroBitCount >= 6
        guard speaks != isSpeaking else { return false }
        isSpeaking = speaks
        return true
    }

    /// Silences at once: muted, or gone from the stage.
    ///
    /// - Returns: whether `isSpeaking` changed.
    mutating func reset() -> Bool {
        defer {
            isSpeaking = false
            frames = 0
            loudness = Float(Self.silence)
        }
        return isSpeaking
    }

    private mutating func advance(to now: MonotonicTime) {
        let number = now.nanoseconds / Self.frameNanoseconds
        let elapsed = number &- frameNumber
        guard elapsed > 0 else { return }
        frames = elapsed < 64 ? frames << UInt64(elapsed) : 0
        // An average over frames that are past says less and less.
        if frames & Self.startWindow == 0 {
            loudness += (Float(Self.silence) - loudness) * 0.3
        }
        frameNumber = number
    }
}
