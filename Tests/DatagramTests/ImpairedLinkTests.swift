import Datagram
import Domain
import Testing

@Suite("Impaired link")
struct ImpairedLinkTests {
    private func verdicts(
        _ settings: ImpairedLink.Settings, seed: UInt64 = 1, count: Int = 20_000
    ) -> ([ImpairedLink.Verdict], ImpairedLink.Counts) {
        var link = ImpairedLink(settings, seed: seed)
        let verdicts = (0..<count).map { _ in link.judge(.rtp) }
        return (verdicts, link.counts(of: .rtp))
    }

    private func delays(_ verdicts: [ImpairedLink.Verdict]) -> [Int64] {
        verdicts.compactMap {
            if case .deliver(let after, _) = $0 { after } else { nil }
        }
    }

    @Test("The same seed gives the same verdicts, another one does not")
    func seeded() {
        let settings = ImpairedLink.Settings(
            lossProbability: 0.1, jitterMicrosecondsMax: 30_000, reorderProbability: 0.05,
            duplicateProbability: 0.02)
        #expect(verdicts(settings).0 == verdicts(settings).0)
        #expect(verdicts(settings).0 != verdicts(settings, seed: 2).0)
    }

    @Test("A clean link delivers everything at once")
    func clean() {
        let (verdicts, counts) = verdicts(.clean)
        #expect(verdicts.allSatisfy { $0 == .deliver(after: 0, duplicateAfter: nil) })
        #expect(counts.delivered == 20_000)
        #expect(counts.dropped == 0)
    }

    @Test("Loss, reordering and duplication are as likely as asked", arguments: [0.02, 0.08, 0.5])
    func shares(probability: Double) {
        let (verdicts, counts) = verdicts(
            ImpairedLink.Settings(
                lossProbability: probability, reorderProbability: probability,
                reorderMicroseconds: 7, duplicateProbability: probability))
        #expect(counts.received == 20_000)
        #expect(counts.dropped == verdicts.count { $0 == .drop })
        #expect(counts.delivered == 20_000 - counts.dropped)
        #expect(counts.reordered == delays(verdicts).count { $0 == 7 })
        // Four deviations of a binomial of at least 10,000.
        let tolerance = 4 * (probability * (1 - probability) / 10_000).squareRoot()
        let delivered = Double(counts.delivered)
        #expect(abs(Double(counts.dropped) / 20_000 - probability) < tolerance)
        #expect(abs(Double(counts.reordered) / delivered - probability) < tolerance)
        #expect(abs(Double(counts.duplicated) / delivered - probability) < tolerance)
    }

    @Test("Jitter lies between the delay and the delay plus its maximum")
    func jitter() {
        func spread(_ shape: ImpairedLink.Settings.JitterShape) -> (mean: Double, near: Double) {
            let delays = delays(
                verdicts(
                    ImpairedLink.Settings(
                        delayMicroseconds: 5000, jitterMicrosecondsMax: 30_000, jitterShape: shape)
                ).0)
            #expect(delays.allSatisfy { (5000...35_000).contains($0) })
            let near = delays.count { (15_000...25_000).contains($0) }
            return (
                Double(delays.reduce(0, +)) / Double(delays.count),
                Double(near) / Double(delays.count)
            )
        }
        let uniform = spread(.uniform)
        #expect(abs(uniform.mean - 20_000) < 300)
        #expect(abs(uniform.near - 0.333) < 0.02)
        let normal = spread(.normal)
        #expect(abs(normal.mean - 20_000) < 300)
        #expect(abs(normal.near - 0.683) < 0.02)
    }

    @Test("Only media is impaired unless told otherwise")
    func kinds() {
        for isMediaOnly in [true, false] {
            var link = ImpairedLink(
                ImpairedLink.Settings(lossProbability: 1, isMediaOnly: isMediaOnly), seed: 1)
            for kind in DatagramKind.allCases {
                let isDropped = link.judge(kind) == .drop
                #expect(isDropped == (kind == .rtp || !isMediaOnly))
                #expect(link.counts(of: kind).received == 1)
                #expect(link.counts(of: kind).dropped == (isDropped ? 1 : 0))
            }
        }
    }

    @Test(
        "Datagrams are told apart by their first bytes (RFC 7983 §7, RFC 5761 §4)",
        arguments: [
            ([0, 1], .stun), ([1, 1], .stun), ([22, 254], .dtls), ([63, 0], .dtls),
            ([0x80, 111], .rtp), ([0x90, 0xEF], .rtp), ([0x80, 200], .rtcp), ([0x81, 206], .rtcp),
            ([64, 0], .other), ([200, 0], .other), ([0x80], .other), ([], .other),
        ] as [([UInt8], DatagramKind)])
    func kind(bytes: [UInt8], kind: DatagramKind) {
        #expect(bytes.withUnsafeBytes { DatagramKind(of: $0) } == kind)
    }

    @Test("Waiting datagrams come out soonest first, and within their room")
    func delayed() {
        let queue = DelayedDatagrams(capacity: 100, slotBytes: 8)
        var random = SplitMix64(seed: 9)
        var expected: [(due: Int64, number: Int)] = []
        for number in 0..<100 {
            let due = Int64.random(in: 0..<20, using: &random)
            let isAdded = withUnsafeBytes(of: UInt64(number)) {
                queue.add($0, dueNanoseconds: due, destination: -number)
            }
            #expect(isAdded)
            expected.append((due, number))
        }
        [UInt8](repeating: 0, count: 8).withUnsafeBytes {
            #expect(!queue.add($0, dueNanoseconds: 0, destination: 0))
        }
        // Of equal times, the first added comes first.
        expected.sort { ($0.due, $0.number) < ($1.due, $1.number) }
        #expect(queue.nextDueNanoseconds == expected.first?.due)
        var taken: [Int] = []
        while queue.takeDue(
            nanoseconds: 9,
            { bytes, destination in
                #expect(bytes.load(as: UInt64.self) == UInt64(-destination))
                taken.append(-destination)
            })
        {}
        #expect(taken == expected.filter { $0.due <= 9 }.map(\.number))
        #expect(queue.count == 100 - taken.count)
        [UInt8](repeating: 0, count: 9).withUnsafeBytes {
            #expect(!queue.add($0, dueNanoseconds: 0, destination: 0))
        }
    }
}
