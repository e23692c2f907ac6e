/// How the client receives one speaker.
public struct NegotiatedSlot: Sendable, Hashable {
    public var mid: String
    public var opusPayloadType: UInt8
    /// Redundant audio, if both sides agree to it.
    public var redPayloadType: UInt8?
    /// Our source on the section.
    public var ssrc: UInt32
    /// The client may ask for missing packets.
    public var isNACKEnabled: Bool
    /// 1…14.
    public var audioLevelExtensionID: UInt8?
}
