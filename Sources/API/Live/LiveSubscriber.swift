import Domain
import NIOCore
import Synchronization

/// One open stream: what waits for its client, and whether it goes on.
///
/// open → ending (the last message waits) → ended; open → ended.
final class LiveSubscriber: Sendable {
    let circleID: CircleID
    let uid: String
    /// The stay that the stream ends with, if any.
    let sessionID: SessionID?

    /// Why a stream ended before its circle did.
    enum Cut: String, Sendable, CaseIterable {
        /// The client reads too slowly.
        case overflow
        /// A write did not come to its end.
        case stalled
        case disconnected
        case shutdown
    }

    /// What goes out in one write.
    struct Delivery: Sendable {
        var bytes: ByteBuffer
        var count = 0
        /// When the oldest of its events happened.
        var oldestAt: Timestamp?
        var after = After.goOn

        enum After: Sendable, Equatable {
            case goOn
            /// Whether the reader may still see the circle is to be asked first.
            case check(wasKicked: Bool)
            case finish
        }
    }

    private struct State {
        /// The number of the last event that was sent or waits.
        var last: Int64 = .max
        var queue = LiveQueue()
        var isEnding = false
        var cut: Cut?
        var waiter: CheckedContinuation<Void, Never>?
        var isWriting = false
        /// Ticks since the last write began.
        var tickCount = 0
        var isHeartbeatDue = false
        /// Ends a write that is under way.
        var disconnect: (@Sendable () -> Void)?

        mutating func beginWriting() {
            isWriting = true
            isHeartbeatDue = false
            tickCount = 0
        }
    }

    private let state = Mutex(State())
    private let limits: LiveLimits

    init(circleID: CircleID, uid: String, sessionID: SessionID?, limits: LiveLimits) {
        self.circleID = circleID
        self.uid = uid
        self.sessionID = sessionID
        self.limits = limits
    }

    // MARK: The feed's side

    /// Takes events from the one after `last` on.
    func start(after last: Int64) {
        state.withLock { $0.last = last }
    }

    /// Adds what follows the last event without a gap, and passes over the rest.
    ///
    /// - Returns: how many messages were taken; `nil` when the queue ran over.
    @discardableResult
    func offer(_ messages: [LiveMessage]) -> Int? {
        var count = 0
        let (waiter, disconnect) = change { state in
            for message in messages where !state.isEnding {
                guard message.circleSequence - 1 == state.last else { continue }
                state.last = message.circleSequence
                let after = after(message)
                state.queue.append(message, after)
                count += 1
                state.isEnding = after == .finish
            }
            if state.queue.count > limits.queueCountMax
                || state.queue.byteCount > limits.queueByteCountMax
            {
                state.cut = .overflow
            }
        }
        let isOverflow = disconnect.isOverflow
        disconnect.run?()
        waiter?.resume()
        return isOverflow ? nil : count
    }

    /// Ends the stream at once.
    ///
    /// - Returns: whether it was open.
    @discardableResult
    func end(_ cut: Cut) -> Bool {
        let (waiter, disconnect) = change { $0.cut = cut }
        disconnect.run?()
        waiter?.resume()
        return disconnect.isNew
    }

    /// Counts time.
    ///
    /// - Returns: whether a write has taken so long that the stream was ended.
    func tick() -> Bool {
        let (waiter, disconnect) = change { state in
            state.tickCount += 1
            if state.isWriting {
                if state.tickCount >= limits.stalledTickCount { state.cut = .stalled }
            } else if state.tickCount >= limits.heartbeatTickCount {
                state.isHeartbeatDue = true
            }
        }
        disconnect.run?()
        waiter?.resume()
        return disconnect.isNew
    }

    private struct Disconnect {
        var run: (@Sendable () -> Void)?
        var isNew = false
        var isOverflow = false
    }

    /// Changes the state of a stream that is open, and finds out whom to tell.
    private func change(
        _ body: (inout State) -> Void
    ) -> (CheckedContinuation<Void, Never>?, Disconnect) {
        state.withLock { state in
            guard state.cut == nil else { return (nil, Disconnect()) }
            body(&state)
            var disconnect = Disconnect()
            if let cut = state.cut {
                state.queue = LiveQueue()
                disconnect = Disconnect(
                    run: state.isWriting ? state.disconnect : nil, isNew: true,
                    isOverflow: cut == .overflow)
            }
            let isReady = state.cut != nil || state.isHeartbeatDue || !state.queue.isEmpty
            guard isReady else { return (nil, disconnect) }
            defer { state.waiter = nil }
            return (state.waiter, disconnect)
        }
    }

    private func after(_ message: LiveMessage) -> Delivery.After {
        switch message.consequence {
        case .none: .goOn
        case .circleEnded: .finish
        case .left(_, let left) where left == sessionID: .finish
        case .banned(uid): .finish
        case .left(uid, _), .circleChanged: .check(wasKicked: false)
        case .kicked(uid): .check(wasKicked: true)
        case .left, .kicked, .banned: .goOn
        }
    }

    // MARK: The stream's side

    /// Says how a write that hangs is ended.
    func onCut(_ disconnect: @escaping @Sendable () -> Void) {
        state.withLock { $0.disconnect = disconnect }
    }

    var cut: Cut? { state.withLock { $0.cut } }

    /// Whether the stream waits for something to write.
    var isWaiting: Bool { state.withLock { $0.waiter != nil } }

    /// Says that the stream's first content is being written.
    func beginWriting() {
        state.withLock { $0.beginWriting() }
    }

    /// Waits for something to write: everything that waits, up to a message after which something
    /// is to be asked.
    ///
    /// - Returns: `nil` when the stream has ended. One task at a time.
    func next() async -> Delivery? {
        while true {
            let step: (isEnded: Bool, delivery: Delivery?) = state.withLock { state in
                state.isWriting = false
                guard state.cut == nil else { return (true, nil) }
                if let delivery = state.queue.take() {
                    state.beginWriting()
                    return (false, delivery)
                }
                guard state.isHeartbeatDue else { return (false, nil) }
                state.beginWriting()
                return (false, Delivery(bytes: ServerSentEvent.heartbeat))
            }
            if step.isEnded { return nil }
            if let delivery = step.delivery { return delivery }
            await wait()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.cut == nil, state.queue.isEmpty, !state.isHeartbeatDue,
                        !Task.isCancelled
                    else { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
            if Task.isCancelled { end(.disconnected) }
        } onCancel: {
            end(.disconnected)
        }
    }
}

/// The messages that wait for one client.
struct LiveQueue: Sendable {
    private var entries: [(message: LiveMessage, after: LiveSubscriber.Delivery.After)] = []
    private(set) var byteCount = 0

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ message: LiveMessage, _ after: LiveSubscriber.Delivery.After) {
        entries.append((message, after))
        byteCount += message.bytes.readableBytes
    }

    /// Takes what goes out in one write.
    mutating func take() -> LiveSubscriber.Delivery? {
        guard let first = entries.first else { return nil }
        let last = entries.firstIndex { $0.after != .goOn } ?? entries.count - 1
        // One message goes out as it is; several are put together.
        var delivery = LiveSubscriber.Delivery(
            bytes: last == 0 ? first.message.bytes : ByteBuffer())
        if last > 0 { delivery.bytes.reserveCapacity(byteCount) }
        for index in 0...last {
            let message = entries[index].message
            if last > 0 { delivery.bytes.writeImmutableBuffer(message.bytes) }
            if let at = message.occurredAt {
                delivery.oldestAt = min(at, delivery.oldestAt ?? at)
            }
        }
        delivery.count = last + 1
        delivery.after = entries[last].after
        entries.removeFirst(last + 1)
        byteCount = entries.reduce(0) { $0 + $1.message.bytes.readableBytes }
        return delivery
    }
}
