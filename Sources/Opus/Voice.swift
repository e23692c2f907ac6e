import Glibc

/// Speech-like audio, 48 kHz mono: a glottal pulse train with a drifting pitch through formants
/// that move from vowel to vowel, noise for consonants, sentences and pauses. It says nothing,
/// but an encoder, a level meter and DTX take it for a speaker. The same seed and number give
/// the same samples.
public struct Voice: Sendable {
    /// Samples in 20 ms.
    public static let frameSamples = 960

    private static let sampleRate = 48_000.0
    /// −12 dBFS, which no sample exceeds.
    private static let peak = 8231.0
    /// Samples between two settings of the formants and the pitch: 1 ms.
    private static let controlSamples = 48

    private enum Sound {
        case vowel, fricative, closure, pause
    }

    /// F1…F4 in hertz, of an adult male tract.
    private struct Formants {
        var first, second, third, fourth: Double

        /// A share of the way to another.
        mutating func approach(_ target: Formants, share: Double) {
            first += (target.first - first) * share
            second += (target.second - second) * share
            third += (target.third - third) * share
            fourth += (target.fourth - fourth) * share
        }
    }

    private static let vowels = [
        Formants(first: 730, second: 1090, third: 2440, fourth: 3400),
        Formants(first: 270, second: 2290, third: 3010, fourth: 3600),
        Formants(first: 300, second: 870, third: 2240, fourth: 3300),
        Formants(first: 530, second: 1840, third: 2480, fourth: 3500),
        Formants(first: 570, second: 840, third: 2410, fourth: 3300),
        Formants(first: 660, second: 1720, third: 2410, fourth: 3500),
        Formants(first: 440, second: 1020, third: 2240, fourth: 3300),
        Formants(first: 490, second: 1350, third: 1690, fourth: 3300),
    ]

    private let hasPauses: Bool
    private var random: VoiceRandom
    /// Hertz around which this voice speaks.
    private let basePitch: Double
    /// Formants scale with the length of the tract.
    private let tractScale: Double
    private let fricativeCenter: Double

    /// As after a pause: a voice begins with a sentence.
    private var sound = Sound.pause
    /// Until the next sound.
    private var samplesLeft = 0
    private var syllablesLeft = 0
    private var syllablesInSentence = 1
    private var isConsonantNext = true

    private var formants: Formants
    private var targetFormants: Formants
    private var tract = (Resonator(), Resonator(), Resonator(), Resonator())
    private var fricative = Resonator()
    private var samplesUntilControl = 0

    /// 0…1 within a glottal period.
    private var phase = 0.0
    private var pitch: Double
    private var pitchDrift = 0.0
    private var lastFlow = 0.0
    private var voicing = Envelope()
    private var frication = Envelope()
    /// The loudest of late, which sets the gain.
    private var loudest = 0.02

    /// The voice of a number; `pauses: false` leaves no silence between sentences.
    public init(seed: UInt64, number: Int, pauses: Bool = true) {
        var random = VoiceRandom(
            seed: seed &+ UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15)
        hasPauses = pauses
        basePitch = random.next(in: 90...220)
        pitch = basePitch
        // High voices have short tracts.
        tractScale = 0.92 + 0.26 * (basePitch - 90) / 130
        fricativeCenter = random.next(in: 3800...5600)
        formants = Self.vowels[0]
        targetFormants = Self.vowels[0]
        fricative.tune(
            center: fricativeCenter, bandwidth: 1800, sampleRate: Self.sampleRate)
        self.random = random
    }

    /// Whether the voice is in a pause between sentences at the next sample.
    public var isPausing: Bool { sound == .pause && samplesLeft > 0 }

    /// Renders the next samples, as many as `pcm` holds: 20 ms are `frameSamples`.
    public mutating func render(into pcm: UnsafeMutableBufferPointer<Int16>) {
        for index in pcm.indices {
            pcm[index] = nextSample()
        }
    }

    private mutating func nextSample() -> Int16 {
        while samplesLeft == 0 {
            beginNextSound()
        }
        samplesLeft -= 1
        if samplesUntilControl == 0 {
            control()
            samplesUntilControl = Self.controlSamples
        }
        samplesUntilControl -= 1
        let source = voicing.next() * glottalPulse()
        let noise = frication.next() * fricative.filter(random.nextSigned())
        guard sound != .pause || voicing.isAudible || frication.isAudible else { return 0 }
        var sample = tract.0.filter(source)
        sample = tract.1.filter(sample)
        sample = tract.2.filter(sample)
        sample = tract.3.filter(sample) + 0.035 * noise
        // Rises at once and falls slowly: the loudest vowel of the last second is at the peak.
        loudest = max(abs(sample), loudest * (1 - 1 / Self.sampleRate), 0.001)
        return Int16(sample / loudest * Self.peak)
    }

    /// The flow through the glottis, differentiated as the lips do, with a little breath.
    ///
    /// Source: Rosenberg, "Effect of glottal pulse shape on the quality of natural vowels" (1971).
    private mutating func glottalPulse() -> Double {
        phase += pitch / Self.sampleRate
        if phase >= 1 { phase -= 1 }
        let flow =
            switch phase {
            case ..<0.40: 0.5 * (1 - cos(Double.pi * phase / 0.40))
            case ..<0.56: cos(Double.pi / 2 * (phase - 0.40) / 0.16)
            default: 0.0
            }
        let pulse = (flow - lastFlow) * 48
        lastFlow = flow
        return pulse + 0.02 * random.nextSigned()
    }

    /// Once a millisecond: moves pitch and formants a little toward where they go.
    private mutating func control() {
        pitchDrift += 0.004 * random.nextSigned() - 0.01 * pitchDrift
        // A sentence falls by a fifth.
        let done = 1 - Double(syllablesLeft) / Double(syllablesInSentence)
        let target = basePitch * (1.12 - 0.24 * done) * (1 + min(max(pitchDrift, -0.1), 0.1))
        pitch += (target - pitch) * 0.02
        formants.approach(targetFormants, share: 0.04)
        let scale = tractScale
        tract.0.tune(center: formants.first * scale, bandwidth: 70, sampleRate: Self.sampleRate)
        tract.1.tune(center: formants.second * scale, bandwidth: 100, sampleRate: Self.sampleRate)
        tract.2.tune(center: formants.third * scale, bandwidth: 150, sampleRate: Self.sampleRate)
        tract.3.tune(center: formants.fourth * scale, bandwidth: 250, sampleRate: Self.sampleRate)
    }

    private mutating func beginNextSound() {
        guard syllablesLeft > 0 else {
            let wasSpeaking = sound != .pause
            syllablesInSentence = 6 + Int(random.next(in: 0...12))
            syllablesLeft = syllablesInSentence
            isConsonantNext = true
            if hasPauses && wasSpeaking { begin(.pause, milliseconds: random.next(in: 400...2000)) }
            return
        }
        guard isConsonantNext else {
            isConsonantNext = true
            syllablesLeft -= 1
            let vowel = Int(random.next(in: 0...7.999))
            targetFormants = Self.vowels[vowel]
            begin(.vowel, milliseconds: random.next(in: 80...250))
            voicing.target = random.next(in: 0.55...1)
            return
        }
        isConsonantNext = false
        switch random.next(in: 0...1) {
        case ..<0.35:
            begin(.fricative, milliseconds: random.next(in: 40...110))
            frication.target = random.next(in: 0.4...1)
        case ..<0.6:
            begin(.closure, milliseconds: random.next(in: 25...70))
        default:
            // Straight into the next vowel.
            break
        }
    }

    private mutating func begin(_ sound: Sound, milliseconds: Double) {
        self.sound = sound
        samplesLeft = Int(milliseconds * Self.sampleRate / 1000)
        voicing.target = 0
        frication.target = 0
    }
}
