/// How the client sends.
public struct NegotiatedMicrophone: Sendable, Hashable {
    public var mid: String
    public var opusPayloadType: UInt8
    /// Redundant audio, if both sides agree to it.
    public var redPayloadType: UInt8?
    /// 1…14.
    public var audioLevelExtensionID: UInt8?
    /// 1…14.
    public var midExtensionID: UInt8?
    /// Missing packets may be asked for.
    public var isNACKEnabled: Bool
    /// The client's sources of the section, as far as the offer names them.
    public var announcedSSRCs: [UInt32]
}
