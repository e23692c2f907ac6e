import Domain
import MediaCrypto

@testable import RTC

/// A member of a `VirtualCircle`: a `MediaClient`, its links, and a record of all that passed.
final class VirtualClient {
    /// What was offered and answered.
    struct Offer {
        var hasMicrophone = true
        /// 111 for Opus, 63 for RED.
        var payloadType: UInt8 = VirtualClient.opusPayloadType
        var microphoneHasRED = true
        var isMicrophoneNACKEnabled = false
        var slotCount = 8
        var isSlotNACKEnabled = false
        var slotsHaveRED = false
    }

    /// A packet that came to the client.
    struct Heard {
        let at: MonotonicTime
        let ssrc: UInt32
        let sequenceNumber: UInt16
        let timestamp: UInt32
        let payloadType: UInt8
        let payload: [UInt8]

        var speaker: Int { Int(payload.first ?? .max) }
        var frame: UInt32 { payload.dropFirst().prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// A packet that the engine sent to the client, whether or not it arrived.
    struct Sent {
        let at: MonotonicTime
        let header: RTPHeader
        let hasArrived: Bool
    }

    static let opusPayloadType: UInt8 = 111
    static let redPayloadType: UInt8 = 63
    static let levelExtensionID: UInt8 = 1

    let index: Int
    let uid: String
    let sessionID: SessionID
    let transport: TransportID
    let media: MediaClient
    /// Those of the engine for this transport.
    let credentials: ICECredentials
    let slotSSRCs: [UInt32]
    let ssrc: UInt32
    var address: TransportAddress

    var uplink = VirtualLink()
    var downlink = VirtualLink()

    /// −dBov of what the microphone sends every 20 ms; `nil`: nothing is sent.
    var level: UInt8?
    /// Frames of 20 ms since the client joined.
    var frame: UInt32 = 0
    var nextIsMarked = true
    /// What the microphone sends, from the frame's number.
    var payload: (VirtualClient, UInt32) -> [UInt8] = { VirtualClient.payload($0.index, $1) }
    /// Sends again what the engine asks for.
    var answersNACK = false
    /// Asks for what it misses.
    var sendsNACK = false

    private(set) var heard: [Heard] = []
    /// Frames that the microphone sent.
    var sentFrames: [UInt32] = []
    /// Encrypted, in the order of sending.
    var sentDatagrams: [[UInt8]] = []
    var uplinkLossCount = 0
    var received: [Sent] = []
    var engineRequests: [UInt16] = []
    var engineDatagramKinds: [PacketKind] = []
    private var highest: [UInt32: UInt16] = [:]

    init(
        index: Int, uid: String, sessionID: SessionID, transport: TransportID, media: MediaClient,
        credentials: ICECredentials, slotSSRCs: [UInt32], ssrc: UInt32, address: TransportAddress
    ) {
        self.index = index
        self.uid = uid
        self.sessionID = sessionID
        self.transport = transport
        self.media = media
        self.credentials = credentials
        self.slotSSRCs = slotSSRCs
        self.ssrc = ssrc
        self.address = address
    }

    /// Tells who sent it and which frame it is.
    static func payload(_ index: Int, _ frame: UInt32) -> [UInt8] {
        [UInt8(index)] + (0..<4).map { UInt8(truncatingIfNeeded: frame >> (24 - 8 * $0)) }
            + (0..<(40 + frame % 23)).map { UInt8(truncatingIfNeeded: frame &* 31 &+ $0) }
    }

    func heard(from speaker: VirtualClient) -> [Heard] {
        heard.filter { $0.speaker == speaker.index }
    }

    /// Frames that were heard of a speaker, sorted, each as often as it was heard.
    func frames(of speaker: VirtualClient) -> [UInt32] {
        heard(from: speaker).map(\.frame).sorted()
    }

    /// Packets sent to this client on its way.
    func sent(after time: MonotonicTime, ssrc: UInt32? = nil) -> [Sent] {
        received.filter { $0.at >= time && (ssrc == nil || $0.header.ssrc == ssrc) }
    }

    /// Takes a datagram in.
    ///
    /// - Returns: numbers that are missing before it, with the stream that they belong to.
    func receive(
        _ datagram: UnsafeMutableRawBufferPointer, now: MonotonicTime, into batch: PacketBatch
    ) -> (ssrc: UInt32, numbers: [UInt16])? {
        let kind = PacketKind(UnsafeRawBufferPointer(datagram))
        guard let packet = media.receive(datagram, now: now, into: batch) else {
            if kind == .rtcp { readRequests(datagram) }
            return nil
        }
        heard.append(
            Heard(
                at: now, ssrc: packet.ssrc, sequenceNumber: packet.sequenceNumber,
                timestamp: packet.timestamp, payloadType: packet.payloadType,
                payload: Array(packet.payload)))
        let last = highest[packet.ssrc] ?? packet.sequenceNumber
        let gap = packet.sequenceNumber &- last
        guard gap < 1 << 15 else { return nil }
        highest[packet.ssrc] = packet.sequenceNumber
        return gap > 1 ? (packet.ssrc, (1..<gap).map { last &+ $0 }) : nil
    }

    /// The client decrypted the datagram in place: GCM's tag and the index are its last 20 bytes.
    private func readRequests(_ datagram: UnsafeMutableRawBufferPointer) {
        guard datagram.count > 20 else { return }
        var reader = RTCPReader(
            UnsafeRawBufferPointer(rebasing: datagram[0..<datagram.count - 20]))
        while let packet = try? reader.next() {
            guard case .genericNACK(let request) = packet, request.mediaSSRC == ssrc else {
                continue
            }
            request.forEachSequence { engineRequests.append($0) }
        }
    }

    /// Encrypts an RTP packet of this client's, well formed or not.
    func protectRTP(_ packet: [UInt8], headerLength: Int = 12) -> [UInt8] {
        protect(packet) {
            media.srtp.pointee.protector.protectRTP(
                $0, headerLength: headerLength, length: packet.count, rolloverCounter: 0)
        }
    }

    /// Encrypts an RTCP packet of this client's, well formed or not.
    func protectRTCP(_ packet: [UInt8]) -> [UInt8] {
        protect(packet) {
            media.srtp.pointee.protector.protectRTCP($0, length: packet.count)
        }
    }

    private func protect(
        _ packet: [UInt8], _ body: (UnsafeMutablePointer<UInt8>) -> Int
    ) -> [UInt8] {
        var bytes = packet + [UInt8](repeating: 0, count: SRTPProtector.overheadMax)
        let length = bytes.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map(body) ?? -1
        }
        precondition(length > 0, "a packet of a test can be encrypted")
        return Array(bytes.prefix(length))
    }

    /// A request to send packets of one of our streams again.
    func nack(_ numbers: [UInt16], of stream: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        let length = bytes.withUnsafeMutableBytes { buffer in
            var writer = RTCPWriter(buffer)
            writer.receiverReport(ssrc: ssrc)
            numbers.withUnsafeBufferPointer {
                writer.genericNACK(senderSSRC: ssrc, mediaSSRC: stream, $0)
            }
            return writer.length
        }
        return protectRTCP(Array(bytes.prefix(length)))
    }
}
