import Domain
import Foundation

/// The shapes that human doings have.
extension SplitMix64 {
    mutating func chance(_ probability: Double) -> Bool { nextUnit() < probability }

    /// Standard normal. Source: Box and Muller (1958).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - nextUnit())).squareRoot()
        return radius * cos(2 * .pi * nextUnit())
    }

    /// Heavy-tailed around a median.
    mutating func logNormal(median: Double, sigma: Double) -> Double {
        median * exp(sigma * normal())
    }

    mutating func exponential(mean: Double) -> Double { -mean * log(1 - nextUnit()) }

    /// A rank from 0 to `count` - 1, of which the first are the most likely: about Zipf's law.
    mutating func rank(of count: Int) -> Int {
        min(Int(pow(Double(count), nextUnit())) - 1, count - 1)
    }

    /// An index, as often as its weight is of all.
    mutating func weighted(_ weights: [Double]) -> Int {
        var rest = nextUnit() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return index }
        }
        return weights.count - 1
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(nextUnit() * Double(elements.count))]
    }
}

/// A number that belongs to others for good: the same for the same of them.
func trait(_ parts: UInt64...) -> UInt64 {
    var mixed: UInt64 = 0
    for part in parts {
        var generator = SplitMix64(seed: mixed ^ part)
        mixed = generator.next()
    }
    return mixed
}

/// Likewise, in 0..<1.
func unitTrait(_ parts: UInt64...) -> Double {
    var mixed: UInt64 = 1
    for part in parts { mixed = trait(mixed, part) }
    return Double(mixed >> 11) * 0x1p-53
}
