import BlockingThread
import CircleStore
import Database
import Dispatch
import Domain
import EventSchema
import Logging

/// Reads the new events of the circles that somebody follows. Lives on one thread.
///
/// Ingest says which circles have news; once a second all are looked at, so that a signal that is
/// lost delays events and loses none, nor does a source whose clock is days ahead.
final class LiveReader {
    /// The channel on which Ingest says what it has stored; see its `LiveSignal`.
    static let channel = "circles_events"
    private static let pollNanoseconds: UInt64 = 1_000_000_000
    /// History has partitions for weeks to come, and each costs a look for each circle: at a
    /// signal, only those up to here are looked into.
    private static let aheadSeconds: Int64 = 86_400

    private let databaseURL: String
    private let hub: LiveHub
    private let limits: LiveLimits
    private let metrics: LiveMetrics
    private let clock: any WallClock
    private let wakeUp: WakeUp
    private let logger: Logger
    private let stop: StopFlag

    init(
        databaseURL: String, hub: LiveHub, limits: LiveLimits, metrics: LiveMetrics,
        clock: any WallClock, wakeUp: WakeUp, logger: Logger, stop: StopFlag
    ) {
        self.databaseURL = databaseURL
        self.hub = hub
        self.limits = limits
        self.metrics = metrics
        self.clock = clock
        self.wakeUp = wakeUp
        self.logger = logger
        self.stop = stop
    }

    @available(*, noasync)
    func run() {
        var failureCount = 0
        while !stop.isRaised {
            do {
                let connection = try Connection(
                    url: databaseURL, applicationName: "circles-live", role: .api)
                try connection.script("listen \(Self.channel)")
                // What came while nobody listened.
                hub.noteNews(of: nil)
                while !stop.isRaised {
                    try follow(connection)
                    failureCount = 0
                }
            } catch {
                failureCount += 1
                metrics.readFailures.increment()
                logger.warning("live reader starts over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(50 << min(failureCount, 6), 2000))
            }
        }
    }

    /// Reads for one polling interval; at its begin without a bound on time.
    private func follow(_ connection: Connection) throws {
        let end = DispatchTime.now().uptimeNanoseconds + Self.pollNanoseconds
        try readNews(connection, before: nil)
        while !stop.isRaised {
            try readNews(connection, before: clock.now().adding(seconds: Self.aheadSeconds))
            let now = DispatchTime.now().uptimeNanoseconds
            guard now < end else { break }
            let notifications = try connection.waitForNotifications(
                milliseconds: Int((end - now) / 1_000_000) + 1, wakeUp: wakeUp)
            guard connection.isAlive else { throw SessionGone() }
            for notification in notifications {
                hub.noteNews(of: Self.circles(in: notification.payload))
            }
        }
        hub.noteNews(of: nil)
    }

    private struct SessionGone: Error {}

    /// - Returns: `nil` when it stands for all circles, as what we do not understand does.
    static func circles(in payload: String) -> [CircleID]? {
        var circles: [CircleID] = []
        for text in payload.split(separator: ",", omittingEmptySubsequences: false) {
            guard let circleID = CircleID(text) else { return nil }
            circles.append(circleID)
        }
        return circles
    }

    private func readNews(_ connection: Connection, before end: Timestamp?) throws {
        while !stop.isRaised {
            let news = hub.takeNews()
            guard !news.isEmpty else { return }
            for start in stride(from: 0, to: news.count, by: limits.readCircleCountMax) {
                try read(
                    Array(news[start..<min(start + limits.readCircleCountMax, news.count)]),
                    before: end, connection)
            }
        }
    }

    /// One query for many circles: an index scan in each partition that a circle's events can be
    /// in.
    ///
    /// - Parameter end: events that are later are left for another time; `nil`: none are.
    static func newsQuery(
        _ positions: [LiveHub.Position], before end: Timestamp?, countMax: Int
    ) -> SQL {
        """
        select followed.circle_id, stored.circle_seq, stored.record
        from unnest(
            \(positions.map(\.circleID)), \(positions.map(\.cursor)),
            \(positions.map { EventCodec.historyBegin([$0.circleID]) })
        ) as followed (circle_id, last_seq, since)
        cross join lateral (
            select events.circle_seq, events.record
            from events
            where events.circle_id = followed.circle_id
                and events.circle_seq > followed.last_seq
                and events.occurred_at >= followed.since
                and events.occurred_at >= \(EventCodec.historyBegin(positions.map(\.circleID)))
                and events.occurred_at < coalesce(\(end), 'infinity'::timestamptz)
            order by events.circle_seq
            limit \(countMax)
        ) as stored
        order by followed.circle_id, stored.circle_seq
        """
    }

    /// Up to the first event that the bound on time has left out: what comes after waits for it.
    private static func unbroken(_ messages: [LiveMessage], after cursor: Int64) -> [LiveMessage] {
        let count = zip(messages, (cursor + 1)...).prefix { $0.circleSequence == $1 }.count
        return Array(messages.prefix(count))
    }

    private func read(
        _ positions: [LiveHub.Position], before end: Timestamp?, _ connection: Connection
    ) throws {
        var messages: [CircleID: [LiveMessage]] = [:]
        for row in try connection.query(
            Self.newsQuery(positions, before: end, countMax: limits.readCountMax)
        ).map({ $0 }) {
            let circleID: CircleID = try row.get(0)
            messages[circleID, default: []].append(
                LiveMessage(
                    circleSequence: try row.get(1), record: try row.get(2, as: Bytes.self).array))
        }
        for position in positions {
            var found = messages[position.circleID] ?? []
            if end != nil { found = Self.unbroken(found, after: position.cursor) }
            guard !found.isEmpty else { continue }
            hub.publish(found, after: position, hasMore: found.count == limits.readCountMax)
        }
    }
}
