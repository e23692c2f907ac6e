import Domain
import Synchronization

/// All open streams of this process, by circle, and how far each circle has been read.
///
/// A stream takes only the event after its last one, so it cannot have a gap or an event twice,
/// whatever the order of what happens here: a circle is read from the place of whoever stands
/// furthest back when they come, and the others pass over what they have.
final class LiveHub: Sendable {
    private struct Entry {
        var subscribers: [ObjectIdentifier: LiveSubscriber] = [:]
        /// With those that have not started.
        var admittedCount = 0
        /// The number of the last event that was read; `nil` before anyone has started.
        var cursor: Int64?
        /// Whether there may be events after it.
        var hasNews = false
    }

    private struct State {
        var circles: [CircleID: Entry] = [:]
        var userCounts: [String: Int] = [:]
        var count = 0
        var isOpen = true
    }

    private let state = Mutex(State())
    private let limits: LiveLimits
    private let metrics: LiveMetrics
    /// Tells the reader to look.
    private let wakeReader: @Sendable () -> Void

    init(limits: LiveLimits, metrics: LiveMetrics, wakeReader: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.metrics = metrics
        self.wakeReader = wakeReader
    }

    var subscriberCount: Int { state.withLock { $0.count } }

    // MARK: Streams

    /// Takes a place for a stream.
    ///
    /// - Throws: `Problem` when there is none.
    func admit(_ circleID: CircleID, uid: String, sessionID: SessionID?) throws -> LiveSubscriber {
        let refusal: LiveMetrics.Refusal? = state.withLock { state in
            guard state.isOpen, state.count < limits.subscriberCountMax else { return .process }
            guard state.userCounts[uid, default: 0] < limits.userSubscriberCountMax else {
                return .user
            }
            let inCircle = state.circles[circleID]?.admittedCount ?? 0
            guard inCircle < limits.circleSubscriberCountMax else { return .circle }
            state.count += 1
            state.userCounts[uid, default: 0] += 1
            state.circles[circleID, default: Entry()].admittedCount += 1
            metrics.subscribers.record(state.count)
            return nil
        }
        if let refusal {
            metrics.countRefused(refusal)
            throw refusal == .user ? Problem.tooManyStreams : Problem.overloaded
        }
        return LiveSubscriber(circleID: circleID, uid: uid, sessionID: sessionID, limits: limits)
    }

    /// Lets a stream have every event after `last`.
    func start(_ subscriber: LiveSubscriber, after last: Int64) {
        subscriber.start(after: last)
        let isOpen = state.withLock { state in
            guard state.isOpen, var entry = state.circles[subscriber.circleID] else { return false }
            entry.subscribers[ObjectIdentifier(subscriber)] = subscriber
            entry.cursor = min(entry.cursor ?? last, last)
            entry.hasNews = true
            state.circles[subscriber.circleID] = entry
            return true
        }
        guard isOpen else {
            subscriber.end(.shutdown)
            return
        }
        wakeReader()
    }

    /// Gives a stream's place back.
    func remove(_ subscriber: LiveSubscriber) {
        state.withLock { state in
            state.count -= 1
            let ofUser = state.userCounts[subscriber.uid, default: 1] - 1
            state.userCounts[subscriber.uid] = ofUser > 0 ? ofUser : nil
            if var entry = state.circles[subscriber.circleID] {
                entry.subscribers[ObjectIdentifier(subscriber)] = nil
                entry.admittedCount -= 1
                state.circles[subscriber.circleID] = entry.admittedCount > 0 ? entry : nil
            }
            metrics.subscribers.record(state.count)
        }
        if let cut = subscriber.cut { metrics.countDropped(cut) }
    }

    /// Looks after all streams: comments on quiet ones, an end for those that hang.
    func tick() {
        for subscriber in all() { _ = subscriber.tick() }
    }

    /// Ends all streams and takes no more.
    func close() {
        state.withLock { $0.isOpen = false }
        for subscriber in all() { subscriber.end(.shutdown) }
    }

    private func all() -> [LiveSubscriber] {
        state.withLock { $0.circles.values.flatMap(\.subscribers.values) }
    }

    // MARK: The reader's side

    /// Says that there may be news of some circles; `nil`: of all.
    func noteNews(of circles: [CircleID]?) {
        state.withLock { state in
            for circleID in circles ?? Array(state.circles.keys) {
                state.circles[circleID]?.hasNews = true
            }
        }
    }

    struct Position: Sendable, Equatable {
        let circleID: CircleID
        let cursor: Int64
    }

    /// The circles that may have news, with their places; each is taken once.
    func takeNews() -> [Position] {
        state.withLock { state in
            var news: [Position] = []
            for (circleID, entry) in state.circles where entry.hasNews {
                guard let cursor = entry.cursor else { continue }
                state.circles[circleID]?.hasNews = false
                news.append(Position(circleID: circleID, cursor: cursor))
            }
            return news
        }
    }

    /// Hands the events after a position to the circle's streams.
    ///
    /// - Parameter hasMore: there are events after these.
    func publish(_ messages: [LiveMessage], after position: Position, hasMore: Bool) {
        let subscribers = state.withLock { state -> [LiveSubscriber] in
            guard var entry = state.circles[position.circleID] else { return [] }
            // Unless it was put back meanwhile: then it is read again from there.
            if entry.cursor == position.cursor {
                entry.cursor = messages.last?.circleSequence ?? position.cursor
            }
            entry.hasNews = entry.hasNews || hasMore
            state.circles[position.circleID] = entry
            return Array(entry.subscribers.values)
        }
        var count = 0
        for subscriber in subscribers { count += subscriber.offer(messages) ?? 0 }
        metrics.events.increment(by: count)
    }
}
