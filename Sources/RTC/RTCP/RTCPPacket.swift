/// One packet of an RTCP datagram. Views point into the datagram and are valid as long as it is.
///
/// Source: RFC 3550 §6, RFC 4585 §6, RFC 3611.
public enum RTCPPacket {
    case senderReport(SenderReport, ReportBlocks)
    /// `ssrc` is the receiver that reports.
    case receiverReport(ssrc: UInt32, ReportBlocks)
    case sourceDescription(SourceDescription)
    case goodbye(GoodbyeSources)
    case genericNACK(GenericNACK)
    /// Transport-layer feedback other than the generic NACK, such as 15 (transport-wide
    /// congestion control) and 11 (RFC 8888).
    case transportFeedback(format: UInt8)
    /// Payload-specific feedback, such as 15 (REMB).
    case payloadFeedback(format: UInt8)
    case applicationDefined
    case extendedReport
    case unknown(type: UInt8)
}

/// Packet types of RTCP.
enum RTCPType {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let applicationDefined: UInt8 = 204
    static let transportFeedback: UInt8 = 205
    static let payloadFeedback: UInt8 = 206
    static let extendedReport: UInt8 = 207
}
