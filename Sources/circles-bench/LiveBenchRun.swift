import BlockingThread
import CircleStore
import Domain
import EventLog
import EventSchema
import NIOCore
import Synchronization

/// One variant of `LiveBench`: members of some circles raise and lower their hands in turn, while
/// others follow these circles.
struct LiveBenchRun: Sendable {
    let stack: LiveBenchStack
    let circleCount: Int
    let subscriberCount: Int
    let rate: Int
    let seconds: Int

    /// Members over all circles; each has one command under way at most, so that their n-th
    /// event is that of their n-th command.
    private static let memberCount = 100

    private func host(_ circle: Int) -> String { "host-\(circleCount)-\(circle)" }

    func measure() async throws -> LiveBenchResult {
        var circles: [CircleID] = []
        for index in 0..<circleCount { circles.append(try await makeCircle(index)) }
        try await stack.settle()
        let stop = StopFlag()
        let log = LiveBenchLog(memberCount: Self.memberCount)
        // One more for the log's reader.
        let (ready, isReady) = AsyncStream<Void>.makeStream()
        async let tail: Void = BlockingThread.run(name: "tail") { [stack] in
            let reader = try TailReader(settings: stack.kafka, topic: Topic.events)
            isReady.yield()
            while !stop.isRaised {
                let records = reader.poll(milliseconds: 20).records
                log.take(records, at: stack.clock.now())
            }
        }
        async let deliveries = follow(circles) { isReady.yield() }
        var readyCount = 0
        for await _ in ready {
            readyCount += 1
            if readyCount == subscriberCount + 1 { break }
        }
        let commands = try await load(circles)
        // Ends the streams.
        for (index, circleID) in circles.enumerated() {
            _ = try await stack.store.end(circleID, by: Caller(uid: host(index)))
        }
        let delivered = try await deliveries
        stop.raise()
        try await tail
        return result(commands, delivered, log)
    }

    private func makeCircle(_ index: Int) async throws -> CircleID {
        let details = CircleDetails(
            title: "Bench", category: "", privacy: .public, hostUID: host(index), coHostUIDs: [],
            coverURL: "", startAt: stack.clock.now(), durationMinutes: 60, maxSpeakers: 8,
            maxListeners: 100, micPolicy: .handRaise)
        let circleID = try await stack.store.create(
            CircleDraft(details: details, invitedUIDs: [], startsNow: true),
            by: Caller(uid: host(index))
        ).circle.circleID
        for member in stride(from: index, to: Self.memberCount, by: circleCount) {
            _ = try await stack.store.join(circleID, by: Caller(uid: "u-\(member)"))
        }
        return circleID
    }

    // MARK: Load

    private struct Command: Sendable {
        let member: Int
        let calledAt: Timestamp
        let committedAt: Timestamp
    }

    /// - Returns: every command, those of one member in order.
    private func load(_ circles: [CircleID]) async throws -> [Command] {
        let clock = ContinuousClock()
        let begin = clock.now
        let end = begin.advanced(by: .seconds(seconds))
        return try await withThrowingTaskGroup(of: [Command].self) { group in
            for member in 0..<Self.memberCount {
                group.addTask {
                    let caller = Caller(uid: "u-\(member)")
                    let circleID = circles[member % circles.count]
                    var commands: [Command] = []
                    while true {
                        let turn = commands.count * Self.memberCount + member
                        let at = begin.advanced(
                            by: .nanoseconds(Int64(turn) * 1_000_000_000 / Int64(rate)))
                        guard at < end, clock.now < end else { return commands }
                        try await clock.sleep(until: at)
                        let calledAt = stack.clock.now()
                        if commands.count.isMultiple(of: 2) {
                            _ = try await stack.store.raiseHand(circleID, by: caller)
                        } else {
                            try await stack.store.lowerHand(circleID, by: caller)
                        }
                        commands.append(
                            Command(
                                member: member, calledAt: calledAt,
                                committedAt: stack.clock.now()))
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    // MARK: Streams

    /// When the n-th hand event of a member was read by one client.
    private struct Delivery: Sendable {
        let member: Int
        let number: Int
        let at: Timestamp
    }

    private func follow(
        _ circles: [CircleID], _ isReady: @escaping @Sendable () -> Void
    ) async throws -> [Delivery] {
        try await withThrowingTaskGroup(of: [Delivery].self) { group in
            for index in 0..<subscriberCount {
                let circleID = circles[index % circles.count]
                group.addTask {
                    let body = try await stack.events(of: circleID, as: "reader-\(index)")
                    var counts = [Int](repeating: 0, count: Self.memberCount)
                    var deliveries: [Delivery] = []
                    var lines = LiveBenchLines()
                    var isSnapshot = true
                    for try await chunk in body {
                        let at = stack.clock.now()
                        lines.take(chunk) { member in
                            deliveries.append(
                                Delivery(member: member, number: counts[member], at: at))
                            counts[member] += 1
                        }
                        if isSnapshot { isReady() }
                        isSnapshot = false
                    }
                    return deliveries
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    // MARK: Figures

    private func result(
        _ commands: [Command], _ deliveries: [Delivery], _ log: LiveBenchLog
    ) -> LiveBenchResult {
        func milliseconds(_ from: Timestamp, _ to: Timestamp) -> Double {
            Double(to.microseconds - from.microseconds) / 1000
        }
        var result = LiveBenchResult()
        var ofMember = [[Command]](repeating: [], count: Self.memberCount)
        for command in commands {
            let entry = log.entry(command.member, ofMember[command.member].count)
            ofMember[command.member].append(command)
            result.commands.append(milliseconds(command.calledAt, command.committedAt))
            if let entry { result.log.append(milliseconds(command.committedAt, entry.readAt)) }
        }
        var lastAt = deliveries.first?.at ?? Timestamp(seconds: 0)
        for delivery in deliveries where delivery.number < ofMember[delivery.member].count {
            let command = ofMember[delivery.member][delivery.number]
            result.delivered.append(milliseconds(command.committedAt, delivery.at))
            lastAt = max(lastAt, delivery.at)
            if let entry = log.entry(delivery.member, delivery.number) {
                result.sinceCommandTime.append(milliseconds(entry.occurredAt, delivery.at))
            }
        }
        let firstAt = commands.map(\.calledAt).min() ?? lastAt
        let duration = max(0.001, milliseconds(firstAt, lastAt) / 1000)
        result.commandsPerSecond = Double(commands.count) / duration
        result.deliveriesPerSecond = Double(result.delivered.count) / duration
        return result
    }
}

/// When each member's hand events were read from Kafka.
final class LiveBenchLog: Sendable {
    struct Entry: Sendable {
        let occurredAt: Timestamp
        let readAt: Timestamp
    }

    private let entries: Mutex<[[Entry]]>

    init(memberCount: Int) {
        entries = Mutex(Array(repeating: [], count: memberCount))
    }

    func take(_ records: [LogRecord], at now: Timestamp) {
        for record in records {
            guard let value = record.value, let event = try? EventCodec.decode(value) else {
                continue  // no record of ours
            }
            switch event.payload {
            case .handRaised(let member), .handLowered(let member, _):
                guard let number = Int(member.uid.dropFirst(2)) else { continue }
                entries.withLock {
                    $0[number].append(Entry(occurredAt: event.occurredAt, readAt: now))
                }
            default: continue
            }
        }
    }

    func entry(_ member: Int, _ number: Int) -> Entry? {
        entries.withLock { $0[member].indices.contains(number) ? $0[member][number] : nil }
    }
}

/// Finds the members of hand events in a stream's lines.
struct LiveBenchLines {
    private var line: [UInt8] = []
    private var isHand = false

    private static let name = Array("event: hand".utf8)
    private static let data = Array("data: ".utf8)
    private static let uid = Array("\"uid\":\"u-".utf8)

    /// - Parameter body: told the number of each member, `u-<number>`.
    mutating func take(_ chunk: ByteBuffer, _ body: (Int) -> Void) {
        for byte in chunk.readableBytesView {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            if line.starts(with: Self.name) {
                isHand = true
            } else if isHand, line.starts(with: Self.data) {
                isHand = false
                if let number = member() { body(number) }
            }
            line.removeAll(keepingCapacity: true)
        }
    }

    /// The number of the member in the line. By hand: `firstRange(of:)` took a sixth of a machine that is being measured.
    private func member() -> Int? {
        for start in line.indices.dropLast(Self.uid.count)
        where line[start] == Self.uid[0] && line[start...].starts(with: Self.uid) {
            let digits = line[(start + Self.uid.count)...].prefix { (48...57).contains($0) }
            return digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        return nil
    }
}
