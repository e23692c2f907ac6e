import Domain
import MediaCrypto

/// SRTP of one transport, both ways.
struct SRTPContext: ~Copyable {
    var protector: SRTPProtector
    var unprotector: SRTPUnprotector

    init(protector: consuming SRTPProtector, unprotector: consuming SRTPUnprotector) {
        self.protector = protector
        self.unprotector = unprotector
    }

    static func make(_ material: SRTPKeyingMaterial) throws(SRTPError) -> SRTPContext {
        SRTPContext(
            protector: try SRTPProtector(material.local),
            unprotector: try SRTPUnprotector(material.remote))
    }
}

/// One transport of one member: ICE-lite, DTLS, SRTP, a microphone and streams to it. Lives in
/// the engine's table, found by index.
///
/// Phases: `connecting` (no authenticated check yet) → `handshaking` (an address is proven) →
/// `connected` (keys agreed). A peer that ends is taken out of the table.
struct Peer: ~Copyable {
    enum Phase {
        case connecting
        case handshaking
        case connected
    }

    let generation: UInt32
    let circle: Int32
    let configuration: TransportConfiguration
    /// Index into the circle's members.
    let member: Int32

    var phase = Phase.connecting
    /// Where datagrams go: the pair of the latest nomination. Port 0 until there is one.
    var remoteAddress = TransportAddress(high: 0, low: 0, port: 0)
    /// Addresses that authenticated checks came from, so that they can be forgotten.
    var addresses: InlineArray<4, TransportAddress> = InlineArray(
        repeating: TransportAddress(high: 0, low: 0, port: 0))
    var addressCount = 0

    var credentials: ICECredentials
    var remoteUfrag: String
    /// Those before an ICE restart, until when checks may still use them.
    var formerCredentials: (credentials: ICECredentials, until: MonotonicTime)?

    var dtls: DTLSSession?
    var dtlsDeadline = MonotonicTime.distantFuture
    /// `nil` until keys are agreed. Behind pointers, so that a packet moves none of it.
    private(set) var srtp: UnsafeMutablePointer<SRTPContext>?

    /// `nil` without a microphone.
    let uplink: UnsafeMutablePointer<Uplink>?
    let slots: UnsafeMutablePointer<Downlink>
    let slotCount: Int
    /// Who sends our RTCP when no stream of ours does.
    let rtcpSSRC: UInt32

    var connectedAfterMilliseconds: (ice: Int, dtls: Int) = (0, 0)
    var hasFirstPacket = false
    /// Anything authentic: a check, SRTP or SRTCP.
    var lastHeardAt: MonotonicTime
    var nextReportAt: MonotonicTime
    /// From receiver reports; 0 when not known.
    var roundTripTimeMicroseconds: UInt32 = 0

    var nacksReceived: UInt64 = 0
    var retransmissionsSent: UInt64 = 0
    /// How many more retransmissions this second may have.
    var retransmissionBudget = 0

    init(
        generation: UInt32, circle: Int32, member: Int32, configuration: TransportConfiguration,
        targetCountMax: Int, now: MonotonicTime
    ) {
        self.generation = generation
        self.circle = circle
        self.member = member
        self.configuration = configuration
        credentials = ICECredentials(
            ufrag: configuration.localUfrag, password: configuration.localPassword)
        remoteUfrag = configuration.remoteUfrag
        if let microphone = configuration.microphone {
            let memory = UnsafeMutablePointer<Uplink>.allocate(capacity: 1)
            memory.initialize(to: Uplink(microphone, targetCountMax: targetCountMax))
            uplink = memory
        } else {
            uplink = nil
        }
        slotCount = configuration.slots.count
        slots = .allocate(capacity: max(1, slotCount))
        for (index, slot) in configuration.slots.enumerated() {
            let random = secureRandomUInt64()
            (slots + index).initialize(
                to: Downlink(
                    slot, firstSequence: UInt16(random & 0x7FFF),
                    timestamp: UInt32(truncatingIfNeeded: random >> 32)))
        }
        rtcpSSRC =
            configuration.slots.first?.ssrc ?? UInt32(truncatingIfNeeded: secureRandomUInt64())
        lastHeardAt = now
        nextReportAt = now.adding(milliseconds: 200)
    }

    deinit {
        slots.deallocate()
        srtp?.deinitialize(count: 1)
        srtp?.deallocate()
        uplink?.deinitialize(count: 1)
        uplink?.deallocate()
    }

    mutating func agreeOnKeys(_ context: consuming SRTPContext) {
        precondition(srtp == nil, "keys are agreed once")
        let memory = UnsafeMutablePointer<SRTPContext>.allocate(capacity: 1)
        memory.initialize(to: context)
        srtp = memory
    }

    /// Remembers where the peer was heard.
    ///
    /// - Returns: an address that has to make room.
    mutating func remember(_ address: TransportAddress) -> TransportAddress? {
        // It may have been another peer's for a while.
        for index in 0..<addressCount where addresses[index] == address { return nil }
        if addressCount < addresses.count {
            addresses[addressCount] = address
            addressCount += 1
            return nil
        }
        for index in addresses.indices where addresses[index] != remoteAddress {
            defer { addresses[index] = address }
            return addresses[index]
        }
        return nil
    }
}
