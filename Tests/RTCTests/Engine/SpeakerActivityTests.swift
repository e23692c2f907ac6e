import Testing

@testable import RTC

@Suite("Speaker activity")
struct SpeakerActivityTests {
    private let start = MonotonicTime(nanoseconds: 50_000_000_000)

    /// Hears one frame of each level, 20 ms apart, and looks every 10 ms.
    private func changes(_ levels: [UInt8?], of activity: inout SpeakerActivity) -> [Int] {
        var changes: [Int] = []
        for (index, level) in levels.enumerated() {
            let now = start.adding(milliseconds: Int64(index) * 20)
            if let level { activity.hear(level, now: now) }
            if activity.update(now: now) { changes.append(index) }
            if activity.update(now: now.adding(milliseconds: 10)) { changes.append(index) }
        }
        return changes
    }

    @Test("starts at the sixth active frame and stops when 38 of 40 are silent")
    func thresholds() {
        var activity = SpeakerActivity()
        let levels = [UInt8?](repeating: 20, count: 50) + [UInt8?](repeating: nil, count: 60)
        #expect(changes(levels, of: &activity) == [5, 87])
    }

    @Test("a click is no speech")
    func click() {
        var activity = SpeakerActivity()
        var levels = [UInt8?](repeating: 127, count: 200)
        for index in stride(from: 0, to: 200, by: 20) {
            for frame in index..<index + 5 { levels[frame] = 5 }
        }
        #expect(changes(levels, of: &activity).isEmpty)
    }

    @Test("what starts speech is louder than what holds it")
    func hysteresis() {
        var quiet = SpeakerActivity()
        let murmur = [UInt8?](repeating: 42, count: 100)
        #expect(changes(murmur, of: &quiet).isEmpty)
        var held = SpeakerActivity()
        let levels = [UInt8?](repeating: 30, count: 20) + murmur
        #expect(changes(levels, of: &held) == [5])
        #expect(held.isSpeaking)
    }

    @Test("a reset silences at once and tells whether that changed anything")
    func reset() {
        var activity = SpeakerActivity()
        let hadAnything = activity.reset()
        #expect(!hadAnything)
        _ = changes([UInt8?](repeating: 20, count: 20), of: &activity)
        let wasSpeaking = activity.reset()
        #expect(wasSpeaking)
        #expect(!activity.isSpeaking)
        let hasChanged = activity.update(now: start.adding(milliseconds: 400))
        #expect(!hasChanged)
    }
}
