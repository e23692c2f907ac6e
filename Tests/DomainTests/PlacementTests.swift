import Domain
import Testing

@Suite("Placement (rendezvous hashing)")
struct PlacementTests {
    private static let nodes = (1...10).map { "sfu-\($0)" }

    private static func circles(_ count: Int, seed: UInt64) -> [CircleID] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { index in
            CircleID(now: Timestamp(seconds: 1_795_426_200 + Int64(index)), random: &random)
        }
    }

    @Test("without nodes there is no place, and the order of the nodes does not matter")
    func isAFunctionOfTheSet() {
        for circle in Self.circles(100, seed: 1) {
            #expect(Placement.node(for: circle, among: []) == nil)
            #expect(
                Placement.node(for: circle, among: Self.nodes)
                    == Placement.node(for: circle, among: Self.nodes.reversed()))
        }
    }

    @Test("a node that goes moves its own circles only", arguments: [1, 2, 3] as [UInt64])
    func goingMovesLittle(seed: UInt64) {
        for circle in Self.circles(2000, seed: seed) {
            let before = Placement.node(for: circle, among: Self.nodes)
            let after = Placement.node(for: circle, among: Self.nodes.dropLast())
            #expect(before == after || before == Self.nodes.last, "seed \(seed)")
        }
    }

    @Test("a node that comes takes its share and moves nothing else", arguments: [4] as [UInt64])
    func comingMovesLittle(seed: UInt64) {
        let circles = Self.circles(5000, seed: seed)
        var movedCount = 0
        for circle in circles {
            let before = Placement.node(for: circle, among: Self.nodes)
            let after = Placement.node(for: circle, among: Self.nodes + ["sfu-11"])
            #expect(before == after || after == "sfu-11", "seed \(seed)")
            if before != after { movedCount += 1 }
        }
        // 5000 / 11 = 455, with a standard deviation of 20.
        #expect((355...555).contains(movedCount), "\(movedCount) of 5000, seed \(seed)")
    }

    @Test("circles spread evenly", arguments: [5] as [UInt64])
    func spreads(seed: UInt64) {
        var counts: [String: Int] = [:]
        for circle in Self.circles(10_000, seed: seed) {
            if let node = Placement.node(for: circle, among: Self.nodes) {
                counts[node, default: 0] += 1
            }
        }
        #expect(counts.count == 10)
        #expect(counts.values.allSatisfy { (850...1150).contains($0) }, "\(counts), seed \(seed)")
    }
}
