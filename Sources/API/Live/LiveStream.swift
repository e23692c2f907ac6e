import CircleStore
import Domain
import Hummingbird
import NIOCore
import ServiceLifecycle

/// Writes one stream, from its beginning to its end.
struct LiveStream: Sendable {
    let subscription: LiveSubscription
    let start: FollowStart
    let store: CircleStore
    let metrics: LiveMetrics
    let clock: any WallClock

    /// Events of the beginning that go out in one write.
    private static let startCountMax = 200

    private var subscriber: LiveSubscriber { subscription.subscriber }

    /// - Parameter channel: the client's connection; it is closed when a write hangs.
    func run(
        _ request: Request, _ channel: any Channel, _ writer: inout any ResponseBodyWriter
    ) async throws {
        let subscriber = subscriber
        subscriber.onCut { channel.close(promise: nil) }
        // Without a socket, as in tests of the router, nobody hangs up.
        if channel.remoteAddress == nil {
            try await write(&writer)
        } else {
            try await request.body.consumeWithInboundCloseHandler { _ in
                try await write(&writer)
            } onInboundClosed: {
                subscriber.end(.disconnected)
            }
        }
    }

    private func write(_ writer: inout any ResponseBodyWriter) async throws {
        let subscriber = subscriber
        try await withGracefulShutdownHandler {
            try await writeStart(&writer)
            if !start.isOver { try await writeEvents(&writer) }
        } onGracefulShutdown: {
            subscriber.end(.shutdown)
        }
        try await writer.finish(nil)
    }

    private func writeStart(_ writer: inout any ResponseBodyWriter) async throws {
        subscriber.beginWriting()
        switch start.content {
        case .snapshot(let snapshot):
            let message = ServerSentEvent(
                id: snapshot.circleSequence, name: "snapshot",
                data: JSON.encode(LiveSnapshotBody(snapshot: snapshot)))
            try await writer.write(message.buffer)
        case .events(let events):
            // Something at once, so that the client knows that it is connected.
            if events.isEmpty { try await writer.write(ServerSentEvent.heartbeat) }
            for first in stride(from: 0, to: events.count, by: Self.startCountMax) {
                var buffer = ByteBuffer()
                for event in events[first..<min(first + Self.startCountMax, events.count)] {
                    let message = LiveMessage(
                        circleSequence: event.circleSequence, record: event.record)
                    buffer.writeImmutableBuffer(message.bytes)
                }
                try await writer.write(buffer)
            }
        }
    }

    private func writeEvents(_ writer: inout any ResponseBodyWriter) async throws {
        while let delivery = await subscriber.next() {
            try await writer.write(delivery.bytes)
            if let oldest = delivery.oldestAt {
                let delay = clock.now().microseconds - oldest.microseconds
                metrics.deliveryDelay.recordNanoseconds(max(0, delay) * 1000)
            }
            switch delivery.after {
            case .goOn: continue
            case .finish: return
            case .check(let wasKicked):
                guard
                    try await store.mayFollow(
                        subscriber.circleID, uid: subscriber.uid, wasKicked: wasKicked)
                else { return }
            }
        }
    }
}
