import Domain
import MediaCrypto

/// The media of the circles of one worker, without sockets, threads or clocks: datagrams and the
/// time go in, datagrams and events come out.
///
/// Everything that a packet touches was allocated before it came: transports lie in a table,
/// found by the datagram's address; a speaker's packet is decrypted once and encrypted once per
/// subscriber. One thread at a time.
public final class MediaEngine {
    public struct Configuration: Sendable {
        /// The most transports at once.
        public var peerCountMax = 2048
        /// A connected peer that is not heard for so long is gone.
        public var silentMillisecondsMax: Int64 = 12_000
        /// How long ICE and DTLS may take.
        public var connectMillisecondsMax: Int64 = 20_000
        /// DTLS handshakes that may begin each second; twice as many at once.
        public var handshakesPerSecond = 400
        /// Retransmissions that one subscriber may have each second.
        public var retransmissionsPerSecond = 50
        /// A packet asked for later than this is not sent again: it could not be played.
        public var retransmissionMillisecondsMax: Int64 = 500

        public init() {}
    }

    let configuration: Configuration
    let certificate: DTLSCertificate

    /// The transports; those that `generations` says are in use are initialised.
    let peers: UnsafeMutablePointer<Peer>
    /// 0 when the place is free.
    let generations: UnsafeMutablePointer<UInt32>
    private var freePeers: [Int32]
    private var lastGeneration: UInt32 = 0
    /// The places in use, in no order.
    private(set) var activePeers: [Int32] = []

    var addresses: AddressTable
    /// From local user fragment to transport.
    var ufrags: [UInt64: Int32] = [:]
    var circles: [CircleMedia?] = []
    private var circleIndices: [CircleID: Int32] = [:]

    var handshakeTokens: Int
    var nextTokensAt = MonotonicTime(nanoseconds: 0)
    var nextTickAt = MonotonicTime(nanoseconds: 0)
    var events: [MediaEvent] = []
    let counters: UnsafeMutablePointer<EngineCounters>
    /// The wall clock's lead over the monotonic clock; sender reports carry wall-clock time.
    public var wallClockOffsetMicroseconds: Int64 = 0

    public init(configuration: Configuration = .init(), certificate: DTLSCertificate) {
        self.configuration = configuration
        self.certificate = certificate
        let count = configuration.peerCountMax
        peers = .allocate(capacity: count)
        generations = .allocate(capacity: count)
        generations.initialize(repeating: 0, count: count)
        freePeers = (0..<Int32(count)).reversed()
        addresses = AddressTable(countMax: count * 4)
        handshakeTokens = configuration.handshakesPerSecond * 2
        counters = .allocate(capacity: 1)
        counters.initialize(to: EngineCounters())
    }

    deinit {
        for index in activePeers { (peers + Int(index)).deinitialize(count: 1) }
        peers.deallocate()
        generations.deallocate()
        counters.deinitialize(count: 1)
        counters.deallocate()
    }

    // MARK: What the owner asks

    public var engineCounters: EngineCounters { counters.pointee }
    public var peerCount: Int { activePeers.count }

    /// What happened since the last call.
    public func takeEvents() -> [MediaEvent] {
        guard !events.isEmpty else { return [] }
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }

    // MARK: Circles and members

    /// Takes a circle in, or changes its policy.
    public func openCircle(_ circleID: CircleID, policy: MicPolicy, now: MonotonicTime) {
        if let index = circleIndices[circleID] {
            circles[Int(index)]?.policy = policy
            applyPermissions(circle: index, now: now)
            return
        }
        let circle = CircleMedia(circleID: circleID, policy: policy)
        if let free = circles.firstIndex(where: { $0 == nil }) {
            circles[free] = circle
            circleIndices[circleID] = Int32(free)
        } else {
            circles.append(circle)
            circleIndices[circleID] = Int32(circles.count - 1)
        }
    }

    /// Ends every transport of a circle and forgets it.
    public func closeCircle(_ circleID: CircleID, now: MonotonicTime, into batch: PacketBatch) {
        guard let index = circleIndices.removeValue(forKey: circleID) else { return }
        tellCounters(of: circleID) { _ in true }
        for peer in circles[Int(index)]?.peers ?? [] {
            end(peer: peer, .memberGone, now: now, into: batch)
        }
        circles[Int(index)] = nil
        events.append(.circleClosed(circleID))
    }

    /// Ends everything.
    public func shutDown(now: MonotonicTime, into batch: PacketBatch) {
        for circleID in Array(circleIndices.keys) {
            closeCircle(circleID, now: now, into: batch)
        }
    }

    private func tellCounters(
        of circleID: CircleID, _ isGoing: (MediaMember) -> Bool
    ) {
        let last = quality(of: circleID, isGoing)
        if !last.isEmpty { events.append(.counted(circleID, last)) }
    }

    /// Takes a member in, or changes what they may do; takes effect with the next packet.
    public func setMember(_ member: MediaMember, in circleID: CircleID, now: MonotonicTime) {
        guard let circleIndex = circleIndices[circleID],
            var circle = circles[Int(circleIndex)]
        else { return }
        circles[Int(circleIndex)] = nil  // the array in it stays unique
        if let index = circle.index(of: member.sessionID) {
            circle.members[index].member = member
        } else if let index = circle.members.firstIndex(where: { !$0.isPresent && !$0.hasMedia }) {
            circle.members[index] = .init(member: member)
        } else if circle.members.count < CircleMedia.memberCountMax {
            circle.members.append(.init(member: member))
        }
        circles[Int(circleIndex)] = circle
        applyPermissions(circle: circleIndex, now: now)
    }

    /// Ends a member's transports: kicked, or left.
    public func removeMember(
        _ sessionID: SessionID, from circleID: CircleID, now: MonotonicTime,
        into batch: PacketBatch
    ) {
        guard let circleIndex = circleIndices[circleID],
            let member = circles[Int(circleIndex)]?.index(of: sessionID)
        else { return }
        tellCounters(of: circleID) { $0.sessionID == sessionID }
        for peer in circles[Int(circleIndex)]?.peers ?? []
        where peers[Int(peer)].member == Int32(member) {
            end(peer: peer, .memberGone, now: now, into: batch)
        }
        circles[Int(circleIndex)]?.members[member].isPresent = false
        applyPermissions(circle: circleIndex, now: now)
    }

    /// Presses or releases a member's button in a circle with push-to-talk.
    public func setTalking(
        _ isTalking: Bool, _ sessionID: SessionID, in circleID: CircleID, now: MonotonicTime
    ) {
        guard let circleIndex = circleIndices[circleID],
            let member = circles[Int(circleIndex)]?.index(of: sessionID)
        else { return }
        circles[Int(circleIndex)]?.members[member].isTalking = isTalking
        applyPermissions(circle: circleIndex, now: now)
    }

    // MARK: Transports

    /// Takes a transport in that was agreed with a client; it waits for the client's checks.
    ///
    /// The newest transport with a microphone is the member's microphone, the newest with slots
    /// their receiver; one that is neither any more ends.
    public func add(
        _ transport: TransportConfiguration, now: MonotonicTime, into batch: PacketBatch
    ) throws(EngineRefusal) -> TransportID {
        guard let circleIndex = circleIndices[transport.circleID],
            let circle = circles[Int(circleIndex)]
        else { throw .unknownCircle }
        guard let member = circle.index(of: transport.sessionID) else { throw .unknownMember }
        guard circle.peers.count < CircleMedia.transportCountMax else { throw .full }
        guard let key = ICECredentials.key(transport.localUfrag.utf8), ufrags[key] == nil else {
            throw .invalidUfrag
        }
        guard let index = freePeers.popLast() else { throw .full }
        lastGeneration = lastGeneration == .max ? 1 : lastGeneration + 1
        generations[Int(index)] = lastGeneration
        (peers + Int(index)).initialize(
            to: Peer(
                generation: lastGeneration, circle: circleIndex, member: Int32(member),
                configuration: transport, targetCountMax: CircleMedia.transportCountMax, now: now))
        activePeers.append(index)
        ufrags[key] = index
        install(index, circle: Int(circleIndex), member: member, now: now, into: batch)
        return TransportID(index: index, generation: lastGeneration)
    }

    private func install(
        _ index: Int32, circle: Int, member: Int, now: MonotonicTime, into batch: PacketBatch
    ) {
        circles[circle]?.peers.append(index)
        var former: [Int32] = []
        if peers[Int(index)].uplink != nil {
            circles[circle]?.microphones.append(index)
            former.append(circles[circle]?.members[member].microphone ?? -1)
            circles[circle]?.members[member].microphone = index
        }
        if peers[Int(index)].slotCount > 0 {
            former.append(circles[circle]?.members[member].receiver ?? -1)
            circles[circle]?.members[member].receiver = index
        }
        for peer in former where peer >= 0 {
            let counts = circles[circle]?.members[member]
            if counts?.microphone != peer, counts?.receiver != peer, generations[Int(peer)] != 0 {
                end(peer: peer, .replaced, now: now, into: batch)
            }
        }
        applyPermissions(circle: Int32(circle), now: now)
    }

    /// Ends a transport.
    public func remove(_ id: TransportID, now: MonotonicTime, into batch: PacketBatch) {
        guard isCurrent(id) else { return }
        end(peer: id.index, .removed, now: now, into: batch)
    }

    /// Gives a transport new ICE credentials; the old ones are good for a moment longer, since
    /// checks overlap. DTLS and SRTP go on. Source: RFC 8445 §9.
    public func restartICE(
        _ id: TransportID, local: ICECredentials, remoteUfrag: String, now: MonotonicTime
    ) throws(EngineRefusal) {
        guard isCurrent(id) else { throw .unknownTransport }
        guard let key = ICECredentials.key(local.ufrag.utf8), ufrags[key] == nil else {
            throw .invalidUfrag
        }
        let peer = peers + Int(id.index)
        if let former = peer.pointee.formerCredentials { forget(former.credentials) }
        peer.pointee.formerCredentials = (
            peer.pointee.credentials, now.adding(milliseconds: Self.formerCredentialMilliseconds)
        )
        peer.pointee.credentials = local
        peer.pointee.remoteUfrag = remoteUfrag
        peer.pointee.lastHeardAt = now
        ufrags[key] = id.index
    }

    private static let formerCredentialMilliseconds: Int64 = 5000

    func forget(_ credentials: ICECredentials) {
        if let key = ICECredentials.key(credentials.ufrag.utf8) { ufrags[key] = nil }
    }

    func isCurrent(_ id: TransportID) -> Bool {
        generations[Int(id.index)] == id.generation
    }

    func transportID(_ index: Int32) -> TransportID {
        TransportID(index: index, generation: generations[Int(index)])
    }

    func eventMember(of index: Int32) -> Event.Member {
        let peer = peers + Int(index)
        let member = circles[Int(peer.pointee.circle)]?.members[Int(peer.pointee.member)].member
        precondition(member != nil, "a transport's member stays in its circle's table")
        return member!.eventMember
    }

    func circleID(of index: Int32) -> CircleID { peers[Int(index)].configuration.circleID }

    /// Takes a transport out of the tables.
    func end(
        peer index: Int32, _ reason: TransportEnd, now: MonotonicTime, into batch: PacketBatch
    ) {
        let peer = peers + Int(index)
        let wasConnected = peer.pointee.phase == .connected
        let (circle, member) = (Int(peer.pointee.circle), Int(peer.pointee.member))
        let (id, circleID, eventMember) = (
            transportID(index), circleID(of: index), eventMember(of: index)
        )
        keepTotals(of: index)
        if let dtls = peer.pointee.dtls, peer.pointee.remoteAddress.port != 0 {
            dtls.close()
            let address = peer.pointee.remoteAddress
            dtls.drain { batch.append($0, to: address) }
        }
        silence(index)
        circles[circle]?.peers.removeAll { $0 == index }
        circles[circle]?.microphones.removeAll { $0 == index }
        if circles[circle]?.members[member].microphone == index {
            circles[circle]?.members[member].microphone = -1
            circles[circle]?.members[member].isTalking = false
        }
        if circles[circle]?.members[member].receiver == index {
            circles[circle]?.members[member].receiver = -1
        }
        for slot in 0..<peer.pointee.addressCount {
            addresses.remove(peer.pointee.addresses[slot], peer: index)
        }
        forget(peer.pointee.credentials)
        if let former = peer.pointee.formerCredentials { forget(former.credentials) }
        peer.deinitialize(count: 1)
        generations[Int(index)] = 0
        freePeers.append(index)
        activePeers.removeAll { $0 == index }
        applyPermissions(circle: Int32(circle), now: now)
        events.append(.ended(id, circleID, eventMember, reason, wasConnected: wasConnected))
    }
}
