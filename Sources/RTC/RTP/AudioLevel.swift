/// How loud the audio of a packet is, as its sender measured it.
///
/// Source: RFC 6464 §3.
@frozen
public struct AudioLevel: Sendable, Hashable {
    /// Below the overload point (0 dBov), in dB: 0 is loudest, 127 is silence.
    public var decibelsBelowOverload: UInt8
    /// The sender's voice activity detection took it for speech.
    public var isVoice: Bool

    @inlinable
    public init(decibelsBelowOverload: UInt8, isVoice: Bool) {
        self.decibelsBelowOverload = min(decibelsBelowOverload, 127)
        self.isVoice = isVoice
    }

    /// From the extension's byte: the voice flag, then seven bits of level.
    @inlinable
    public init(byte: UInt8) {
        self.init(decibelsBelowOverload: byte & 0x7F, isVoice: byte & 0x80 != 0)
    }

    /// The extension's byte.
    @inlinable
    public var byte: UInt8 {
        decibelsBelowOverload & 0x7F | (isVoice ? 0x80 : 0)
    }
}
