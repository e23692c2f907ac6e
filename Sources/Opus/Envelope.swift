/// A loudness that moves to its target within some 10 ms, so that nothing clicks.
struct Envelope {
    /// 0…1.
    var target = 0.0
    private var value = 0.0

    /// Above −80 dB.
    var isAudible: Bool { target > 0 || value > 0.0001 }

    mutating func next() -> Double {
        value += (target - value) * 0.003
        return value
    }
}
