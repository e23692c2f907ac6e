import RTC

/// A moment's state of a swarm. All counts are cumulative.
public struct SwarmStatistics: Sendable {
    /// One peer.
    public struct Peer: Sendable {
        public var number: Int
        public var state: MediaClient.State
        /// Has been told to talk.
        public var isTalker: Bool
        /// When the keys were agreed.
        public var connectedAt: MonotonicTime?
        /// When the first audio packet came.
        public var firstAudioAt: MonotonicTime?
        /// What was sent, including what `uplinkDropped` took.
        public var packetsSent: Int
        /// Opus bytes of `packetsSent`.
        public var payloadBytesSent: Int
        public var packetsReceived: Int
        /// Source: RFC 3550 §6.4.1, cumulative number of packets lost, over all streams.
        public var packetsLost: Int
        /// Lost on the way to the server on purpose.
        public var uplinkDropped: Int
        /// Lost on the way from the server on purpose.
        public var downlinkDropped: Int
        /// Received datagrams of no use: replayed, forged, not understood.
        public var datagramsRejected: Int
        /// The numbers of the peers that were heard.
        public var talkersHeard: [Int]
    }

    public var peers: [Peer] = []
    /// From a packet's making to its arrival, jitter of both ways included.
    public var delays = DelayHistogram()
    /// Frames that were said more than 10 ms late: the swarm had too little time.
    public var framesLate = 0
    /// Datagrams that the swarm itself lost: the kernel did not take them, or there was no room
    /// to delay them. Must be 0 for a measurement to hold.
    public var datagramsLostInSwarm = 0
}
