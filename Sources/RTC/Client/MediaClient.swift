import MediaCrypto

/// The other end of a transport: what a WebRTC client does, for load generators and simulations.
///
/// ICE in the controlling role against one candidate of an ICE-lite server, DTLS as the client,
/// SRTP, one microphone, any number of received streams. Sans-IO like `MediaEngine`; one thread
/// at a time.
public final class MediaClient {
    /// checking → handshaking → connected; → closed from each.
    public enum State: Sendable, Equatable {
        case checking
        case handshaking
        case connected
        case closed
    }

    /// What the server's description says.
    public struct Remote: Sendable {
        public var credentials: ICECredentials
        public var fingerprint: CertificateFingerprint
        public var address: TransportAddress

        public init(
            credentials: ICECredentials, fingerprint: CertificateFingerprint,
            address: TransportAddress
        ) {
            self.credentials = credentials
            self.fingerprint = fingerprint
            self.address = address
        }
    }

    /// How the microphone's packets are marked.
    public struct Microphone: Sendable {
        public var ssrc: UInt32
        public var payloadType: UInt8
        /// 0 sends no audio levels.
        public var audioLevelExtensionID: UInt8

        public init(ssrc: UInt32, payloadType: UInt8, audioLevelExtensionID: UInt8) {
            self.ssrc = ssrc
            self.payloadType = payloadType
            self.audioLevelExtensionID = audioLevelExtensionID
        }
    }

    /// A packet that was received and decrypted; the payload lies in the datagram.
    public struct Media {
        public let ssrc: UInt32
        public let sequenceNumber: UInt16
        public let timestamp: UInt32
        public let payloadType: UInt8
        public let payload: UnsafeRawBufferPointer
    }

    public private(set) var state = State.checking
    public let credentials: ICECredentials
    public private(set) var connectedAt: MonotonicTime?
    /// Packets that were received twice, forged or not understood.
    public private(set) var rejectedCount = 0

    private let certificate: DTLSCertificate
    private var remote: Remote
    private let microphone: Microphone?
    private let tieBreaker = secureRandomUInt64()
    private var transaction = TransactionID(0, 0, 0)
    private var nextCheckAt = MonotonicTime(nanoseconds: 0)
    private var dtls: DTLSSession?
    private var dtlsDeadline = MonotonicTime.distantFuture
    let srtp: UnsafeMutablePointer<SRTPContext>
    private var hasKeys = false

    /// Rollover counter and sequence number of the last packet sent.
    var sequence: UInt64
    public private(set) var packetsSent: UInt64 = 0
    private var payloadBytesSent: UInt64 = 0
    private var streams: [ReceivedStream] = []
    private var nextReportAt = MonotonicTime(nanoseconds: 0)

    private struct ReceivedStream {
        let ssrc: UInt32
        var statistics: ReceptionStatistics
        var lastSenderReport: UInt32 = 0
        var lastSenderReportAt = MonotonicTime(nanoseconds: 0)
    }

    private static let checkMilliseconds: Int64 = 100
    private static let keepaliveMilliseconds: Int64 = 2500
    private static let reportMilliseconds: Int64 = 1000
    private static let streamCountMax = 16

    public init(
        credentials: ICECredentials, certificate: DTLSCertificate, remote: Remote,
        microphone: Microphone?
    ) {
        self.credentials = credentials
        self.certificate = certificate
        self.remote = remote
        self.microphone = microphone
        srtp = .allocate(capacity: 1)
        sequence = secureRandomUInt64() & 0x7FFF
    }

    deinit {
        if hasKeys { srtp.deinitialize(count: 1) }
        srtp.deallocate()
    }

    /// Cumulative over all received streams.
    public var packetsReceived: Int64 {
        streams.reduce(0) { $0 + Int64(clamping: $1.statistics.packetsReceived) }
    }

    /// Expected and not received, over all streams.
    public var packetsLost: Int64 { streams.reduce(0) { $0 + $1.statistics.packetsLost } }

    /// When `advance` is to be called next.
    public var nextDeadline: MonotonicTime {
        guard state != .closed else { return .distantFuture }
        return min(nextCheckAt, dtlsDeadline, state == .connected ? nextReportAt : .distantFuture)
    }

    // MARK: Time

    /// Sends checks, handshake repeats and reports that are due.
    public func advance(now: MonotonicTime, into batch: PacketBatch) {
        guard state != .closed else { return }
        if nextCheckAt <= now { sendCheck(now: now, into: batch) }
        if dtlsDeadline <= now, let dtls {
            dtls.handleTimeout()
            follow(dtls, now: now, into: batch)
        }
        if state == .connected, nextReportAt <= now {
            nextReportAt = now.adding(milliseconds: Self.reportMilliseconds)
            sendReports(now: now, into: batch)
        }
    }

    private func sendCheck(now: MonotonicTime, into batch: PacketBatch) {
        nextCheckAt = now.adding(
            milliseconds: state == .checking ? Self.checkMilliseconds : Self.keepaliveMilliseconds)
        let random = (secureRandomUInt64(), secureRandomUInt64())
        transaction = TransactionID(
            UInt32(truncatingIfNeeded: random.0), UInt32(truncatingIfNeeded: random.0 >> 32),
            UInt32(truncatingIfNeeded: random.1))
        var username = remote.credentials.ufrag + ":" + credentials.ufrag
        var password = remote.credentials.password
        let buffer = UnsafeMutableRawBufferPointer(
            start: batch.reserve(), count: PacketBatch.stride)
        var writer = STUNWriter(buffer, class: .request, transactionID: transaction)
        username.withUTF8 { writer.addUsername(UnsafeRawBufferPointer($0)) }
        writer.addPriority(0x6E7F_1EFF)  // host candidate, peer reflexive (RFC 8445 §5.1.2)
        writer.addICEControlling(tieBreaker)
        writer.addUseCandidate()
        let length = password.withUTF8 { writer.finish(integrityKey: UnsafeRawBufferPointer($0)) }
        batch.commit(length: length, to: remote.address)
    }

    // MARK: Datagrams

    /// Takes one datagram, which is decrypted in place.
    ///
    /// - Returns: the packet, when it is one of a received stream.
    public func receive(
        _ datagram: UnsafeMutableRawBufferPointer, now: MonotonicTime, into batch: PacketBatch
    ) -> Media? {
        let bytes = UnsafeRawBufferPointer(datagram)
        switch PacketKind(bytes) {
        case .rtp: return receiveRTP(datagram, now: now)
        case .rtcp: receiveRTCP(datagram, now: now)
        case .stun: receiveSTUN(bytes, now: now, into: batch)
        case .dtls:
            guard let dtls else { break }
            dtls.receive(bytes)
            follow(dtls, now: now, into: batch)
        case .turnChannel, .zrtp, .unknown: rejectedCount += 1
        }
        return nil
    }

    private func receiveSTUN(
        _ bytes: UnsafeRawBufferPointer, now: MonotonicTime, into batch: PacketBatch
    ) {
        var password = remote.credentials.password
        guard let message = try? STUNMessage(parsing: bytes), message.messageClass == .success,
            message.transactionID == transaction,
            password.withUTF8({
                message.hasValidIntegrity(in: bytes, key: UnsafeRawBufferPointer($0))
            })
        else {
            rejectedCount += 1
            return
        }
        guard state == .checking else { return }
        state = .handshaking
        nextCheckAt = now.adding(milliseconds: Self.keepaliveMilliseconds)
        guard
            let session = try? DTLSSession(
                role: .client, certificate: certificate, peerFingerprint: remote.fingerprint)
        else {
            state = .closed
            return
        }
        dtls = session
        session.start()
        follow(session, now: now, into: batch)
    }

    private func follow(_ dtls: DTLSSession, now: MonotonicTime, into batch: PacketBatch) {
        dtls.drain { batch.append($0, to: remote.address) }
        dtlsDeadline =
            dtls.timeoutMicroseconds.map { now.adding(microseconds: $0) } ?? .distantFuture
        switch dtls.state {
        case .handshaking: break
        case .connected:
            guard !hasKeys else { break }
            guard let material = dtls.keyingMaterial else {
                state = .closed
                return
            }
            do {
                srtp.initialize(to: try SRTPContext.make(material))
            } catch {
                state = .closed
                return
            }
            hasKeys = true
            state = .connected
            connectedAt = now
            nextReportAt = now.adding(milliseconds: Self.reportMilliseconds)
        case .closed:
            state = .closed
        }
    }

    private func receiveRTP(_ datagram: UnsafeMutableRawBufferPointer, now: MonotonicTime) -> Media?
    {
        guard hasKeys, let start = datagram.baseAddress,
            let header = try? RTPHeader(parsing: UnsafeRawBufferPointer(datagram)),
            case .ok(let length, _) = srtp.pointee.unprotector.unprotectRTP(
                start.assumingMemoryBound(to: UInt8.self), headerLength: header.length,
                length: datagram.count)
        else {
            rejectedCount += 1
            return nil
        }
        var index = streams.firstIndex { $0.ssrc == header.ssrc }
        if index == nil, streams.count < Self.streamCountMax {
            streams.append(
                ReceivedStream(ssrc: header.ssrc, statistics: ReceptionStatistics()))
            index = streams.count - 1
        }
        guard let index else { return nil }
        streams[index].statistics.receive(
            sequenceNumber: header.sequenceNumber, timestamp: header.timestamp,
            marker: header.marker, arrival: now, clockRate: UInt32(RTPClock.rate))
        return Media(
            ssrc: header.ssrc, sequenceNumber: header.sequenceNumber, timestamp: header.timestamp,
            payloadType: header.payloadType,
            payload: UnsafeRawBufferPointer(
                rebasing: UnsafeRawBufferPointer(datagram)[header.length..<length]))
    }

    private func receiveRTCP(_ datagram: UnsafeMutableRawBufferPointer, now: MonotonicTime) {
        guard hasKeys, let start = datagram.baseAddress,
            case .ok(let length, _) = srtp.pointee.unprotector.unprotectRTCP(
                start.assumingMemoryBound(to: UInt8.self), length: datagram.count)
        else {
            rejectedCount += 1
            return
        }
        var reader = RTCPReader(UnsafeRawBufferPointer(start: start, count: length))
        while let packet = try? reader.next() {
            guard case .senderReport(let report, _) = packet,
                let index = streams.firstIndex(where: { $0.ssrc == report.ssrc })
            else { continue }
            streams[index].lastSenderReport = report.compactNTPTime
            streams[index].lastSenderReportAt = now
        }
    }

    // MARK: Sending

    /// Sends one packet of the microphone.
    ///
    /// - Parameter timestamp: in units of 1/48 000 s.
    /// - Returns: whether it went out: not before the keys are agreed.
    @discardableResult
    public func send(
        _ payload: UnsafeRawBufferPointer, timestamp: UInt32, marker: Bool, level: AudioLevel,
        into batch: PacketBatch
    ) -> Bool {
        guard state == .connected, let microphone, let start = payload.baseAddress else {
            return false
        }
        let packet = batch.reserve()
        sequence &+= 1
        let headerLength = writeHeader(
            packet, microphone, timestamp: timestamp, marker: marker, level: level)
        guard
            headerLength + payload.count + SRTPProtector.overheadMax
                <= PacketBatch.datagramByteCountMax
        else { return false }
        UnsafeMutableRawPointer(packet + headerLength)
            .copyMemory(from: start, byteCount: payload.count)
        let length = srtp.pointee.protector.protectRTP(
            packet, headerLength: headerLength, length: headerLength + payload.count,
            rolloverCounter: UInt32(truncatingIfNeeded: sequence >> 16))
        batch.commit(length: length, to: remote.address)
        packetsSent &+= 1
        payloadBytesSent &+= UInt64(payload.count)
        return true
    }

    private func writeHeader(
        _ packet: UnsafeMutablePointer<UInt8>, _ microphone: Microphone, timestamp: UInt32,
        marker: Bool, level: AudioLevel
    ) -> Int {
        let number = UInt16(truncatingIfNeeded: sequence)
        guard microphone.audioLevelExtensionID != 0 else {
            RTPHeader.write(
                into: packet, marker: marker, payloadType: microphone.payloadType,
                sequenceNumber: number, timestamp: timestamp, ssrc: microphone.ssrc)
            return RTPHeader.fixedByteCount
        }
        RTPHeader.write(
            into: packet, marker: marker, payloadType: microphone.payloadType,
            sequenceNumber: number, timestamp: timestamp, ssrc: microphone.ssrc,
            audioLevel: level, audioLevelID: microphone.audioLevelExtensionID)
        return RTPHeader.withAudioLevelByteCount
    }

    private func sendReports(now: MonotonicTime, into batch: PacketBatch) {
        var blocks: [ReportBlock] = []
        for index in streams.indices {
            let last = streams[index].lastSenderReport
            let delay =
                last == 0
                ? 0
                : now.since(streams[index].lastSenderReportAt) / 1000 &* 65_536 / 1_000_000
            blocks.append(
                streams[index].statistics.reportBlock(
                    ssrc: streams[index].ssrc, lastSenderReport: last,
                    delaySinceLastSenderReport: UInt32(clamping: delay)))
        }
        let packet = batch.reserve()
        var writer = RTCPWriter(
            UnsafeMutableRawBufferPointer(
                start: packet,
                count: PacketBatch.datagramByteCountMax - SRTPProtector.overheadMax))
        blocks.withUnsafeBufferPointer {
            writer.receiverReport(ssrc: microphone?.ssrc ?? 1, blocks: $0)
        }
        let length = srtp.pointee.protector.protectRTCP(packet, length: writer.length)
        batch.commit(length: length, to: remote.address)
    }

    /// Tells the server goodbye (DTLS close_notify).
    public func close(into batch: PacketBatch) {
        if let dtls, state == .connected || state == .handshaking {
            dtls.close()
            dtls.drain { batch.append($0, to: remote.address) }
        }
        state = .closed
    }
}
