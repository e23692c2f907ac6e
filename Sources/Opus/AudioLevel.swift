import Glibc

/// The loudness of audio as the RTP header extension carries it.
public enum AudioLevel {
    /// The root mean square below a full-scale square wave, in decibels: 0 is the loudest, 127
    /// silence.
    ///
    /// Source: RFC 6464 §3, RFC 6465 appendix A.
    public static func decibelsBelowOverload(of pcm: UnsafeBufferPointer<Int16>) -> UInt8 {
        guard !pcm.isEmpty else { return 127 }
        var sum = 0.0
        for sample in pcm {
            sum += Double(sample) * Double(sample)
        }
        let rootMeanSquare = (sum / Double(pcm.count)).squareRoot() / 32_768
        guard rootMeanSquare > 0 else { return 127 }
        return UInt8(min(max((-20 * log10(rootMeanSquare)).rounded(), 0), 127))
    }
}
