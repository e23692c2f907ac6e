import Glibc

/// A second-order resonance: one formant of a vocal tract, with gain 1 at 0 Hz.
///
/// Source: Klatt, "Software for a cascade/parallel formant synthesizer" (1980).
struct Resonator {
    private var a = 1.0
    private var b = 0.0
    private var c = 0.0
    private var last = 0.0
    private var beforeLast = 0.0

    /// Frequencies in hertz.
    mutating func tune(center: Double, bandwidth: Double, sampleRate: Double) {
        let radius = exp(-Double.pi * bandwidth / sampleRate)
        c = -radius * radius
        b = 2 * radius * cos(2 * Double.pi * center / sampleRate)
        a = 1 - b - c
    }

    mutating func filter(_ input: Double) -> Double {
        let output = a * input + b * last + c * beforeLast
        beforeLast = last
        last = output
        return output
    }
}
