import NIOCore

/// How far the request is that a connection is sending. Used on the connection's event loop only.
///
/// waiting → head (a first byte) → body (the head is whole) → waiting (the request is whole);
/// any → lingering (refused).
final class RequestProgress {
    enum Phase {
        case waiting
        /// `hasTarget`: the first line is whole.
        case head(hasTarget: Bool)
        case body
        /// Has been refused: what still comes is thrown away.
        case lingering
    }

    let limits: ConnectionLimits
    private(set) var phase = Phase.waiting
    /// Requests that are whole or not, and not answered.
    var openCount = 0
    private var lineByteCount = 0
    private var bodyByteCount = 0
    private var bodyBegan = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(_ limits: ConnectionLimits) {
        self.limits = limits
    }

    func enter(_ phase: Phase) {
        timer?.cancel()
        timer = nil
        self.phase = phase
    }

    /// Replaces the timer that runs.
    func schedule(
        _ context: ChannelHandlerContext, at deadline: NIODeadline, _ body: @escaping () -> Void
    ) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline, body)
    }

    /// Counts a head's bytes until its first line is whole; one that is longer than a head may
    /// be stays without a target.
    func noteHead(_ buffer: ByteBuffer) {
        guard case .head(hasTarget: false) = phase else { return }
        let view = buffer.readableBytesView
        let end = view.firstIndex(of: UInt8(ascii: "\n"))
        lineByteCount += (end ?? view.endIndex) - view.startIndex
        if end != nil, lineByteCount <= limits.headByteCountMax { phase = .head(hasTarget: true) }
    }

    func beginHead() {
        enter(.head(hasTarget: false))
        lineByteCount = 0
    }

    func beginBody() {
        enter(.body)
        bodyByteCount = 0
        bodyBegan = .now()
    }

    func noteBody(_ byteCount: Int) {
        bodyByteCount += byteCount
    }

    /// Moves on as the body comes in.
    var bodyDeadline: NIODeadline {
        bodyBegan + .seconds(limits.bodySeconds)
            + .seconds(Int64(bodyByteCount / limits.bodyBytesPerSecond))
    }
}
