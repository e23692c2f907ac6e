/// Damages packets, and gives the same numbers for the same seed on every machine (SplitMix64).
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
struct PacketMutator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A sample with one to six bytes flipped, set, cut off, added, left out or spliced in.
    mutating func damaged(_ samples: [[UInt8]]) -> [UInt8] {
        var bytes = samples.randomElement(using: &self) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &self) {
            damage(&bytes, with: samples)
        }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8], with samples: [[UInt8]]) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &self)
        switch Int.random(in: 0..<7, using: &self) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
        case 1: bytes[index] = UInt8.random(in: 0...255, using: &self)
        case 2: bytes[index] = [0x00, 0x7F, 0x80, 0xFF].randomElement(using: &self) ?? 0
        case 3: bytes.removeLast(bytes.count - index)
        case 4: bytes.insert(UInt8.random(in: 0...255, using: &self), at: index)
        case 5: bytes.remove(at: index)
        default:
            let other = samples.randomElement(using: &self) ?? []
            guard !other.isEmpty else { return }
            let begin = Int.random(in: 0..<other.count, using: &self)
            bytes.insert(contentsOf: other[begin...].prefix(24), at: index)
        }
    }
}
