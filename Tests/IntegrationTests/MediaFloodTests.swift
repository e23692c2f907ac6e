import Datagram
import Domain
import Foundation
import Testing

@testable import RTC

extension MediaTests {
    @Suite("A flood at the media port")
    struct FloodTests {
        private static let datagramCount = 20_000
        private static let burstCount = 20

        @Test(
            "20,000 garbage and mutated datagrams leave a real stream without a gap, and are counted by reason",
            .timeLimit(.minutes(4)))
        func flood() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                // Someone whose connection waits for its checks: its user fragment is known.
                let waiting = try await stack.ticket("waiting", in: circleID)
                let candidate = try await node.candidate(for: waiting)
                let speaker = try node.client(.aiortc, .whip, host, ["--tone", "440"])
                let listener = try node.client(.aiortc, .whep, fan, [])
                try await listener.waitUntilHeard(440)
                let before = try await Self.rejected(node)
                let count = listener.facts.count

                try await Self.send(to: candidate)
                // The stream goes on after it, and the counters are out.
                let after = listener.facts.count
                try await listener.waitUntilHeard(440, after: after)
                try await stack.pipeline.waitUntil("the flood is counted") {
                    try await Self.rejected(node).values.reduce(0, +)
                        - before.values.reduce(0, +) >= Self.datagramCount * 9 / 10
                }
                let rejected = try await Self.rejected(node)
                print("flood: rejected \(rejected)")
                for reason in [
                    "unknownKind", "malformedSTUN", "unknownUfrag", "stunIntegrity",
                    "unknownAddress",
                ] {
                    #expect(rejected[reason, default: 0] > before[reason, default: 0], "\(reason)")
                }
                // A client on a busy machine may stutter by itself; a flood that is heard would
                // drown the tone, and lost packets tell a gap.
                let heard = listener.facts.dropFirst(count).filter { $0.event == "heard" }
                #expect(heard.count { $0.isTone(440) } * 2 > heard.count, "the flood was heard")
                let received = try await listener.ask("stats", for: "stats").inbound?.first
                #expect(received?.packetsLost == 0)
                for client in [speaker, listener] { #expect(try await client.quit() == 0) }
                let test = stack.test
                try await stack.waitForRow("samples") {
                    try await test.number(
                        """
                        select count(*) from quality_samples
                        where uid = 'host' and direction = 'uplink' and packets_transferred > 200
                        """)
                }
                #expect(
                    try await test.number(
                        "select max(packets_lost) from quality_samples where circle_id = \(circleID)"
                    )
                        == 0)
            }
        }

        /// Rejected datagrams by reason, as `/metrics` tells them.
        private static func rejected(_ node: MediaStackNode) async throws -> [String: Int] {
            let text = try await MediaHTTP.send("GET", "\(node.url)/metrics").body
            var counts: [String: Int] = [:]
            for line in text.split(separator: "\n")
            where line.hasPrefix("circles_sfu_datagrams_rejected_total{") {
                guard let start = line.range(of: "reason=\"")?.upperBound,
                    let end = line[start...].firstIndex(of: "\""),
                    let value = line.split(separator: " ").last.flatMap({ Double($0) })
                else { continue }
                counts[String(line[start..<end]), default: 0] += Int(value)
            }
            return counts
        }

        /// Sends the flood from one address, 4000 a second: what the loopback carries beside a
        /// stream on a small machine.
        private static func send(to candidate: MediaCandidate) async throws {
            guard let address = DatagramAddress(host: "127.0.0.1", port: candidate.port) else {
                return
            }
            let socket = try DatagramSocket(host: "127.0.0.1")
            let batch = Held(DatagramBatch(capacity: burstCount))
            let checks = [bindingRequest("nobodyyy"), bindingRequest(candidate.ufrag)]
            var random = SplitMix64(seed: 77)
            for _ in 0..<datagramCount / burstCount {
                batch.value.removeAll()
                for _ in 0..<burstCount {
                    datagram(checks, &random).withUnsafeBytes {
                        _ = batch.value.append($0, to: address)
                    }
                }
                send(batch.value, on: socket)
                try await Task.sleep(for: .milliseconds(5))
            }
        }

        private static func send(_ batch: DatagramBatch, on socket: DatagramSocket) {
            socket.send(batch)
        }

        /// Garbage, or the beginning of something: of each kind that RFC 7983 tells apart.
        private static func datagram(
            _ checks: [[UInt8]], _ random: inout SplitMix64
        ) -> [UInt8] {
            var bytes = (0..<Int(random.next() % 300)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            let check = checks[Int(random.next() % UInt64(checks.count))]
            let start: [UInt8]
            switch random.next() % 6 {
            case 0: start = []
            case 1: return check
            case 2: start = Array(check.prefix(Int(random.next() % 40)))
            case 3: start = [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200]
            case 4: start = [0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
            default: start = [0x81, 201, 0, 7, 0, 0, 0, 3]
            }
            bytes.replaceSubrange(0..<min(start.count, bytes.count), with: start)
            return bytes
        }

        /// A connectivity check of someone who does not know the password.
        private static func bindingRequest(_ ufrag: String) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: 200) { buffer, count in
                var writer = STUNWriter(
                    UnsafeMutableRawBufferPointer(buffer), class: .request,
                    transactionID: TransactionID(1, 2, 3))
                Array("\(ufrag):Abcd".utf8).withUnsafeBytes { writer.addUsername($0) }
                count = Array("a wrong password of ice".utf8).withUnsafeBytes {
                    writer.finish(integrityKey: $0)
                }
            }
        }
    }
}
