internal import COpus

/// What libopus refuses.
public enum OpusError: Error, Sendable, Hashable {
    /// An argument outside its range, such as a frame that is not 2.5 to 120 ms.
    case badArgument
    case bufferTooSmall
    case internalError
    /// Bytes that are not an Opus packet.
    case invalidPacket
    /// libopus has no such request (`OPUS_UNIMPLEMENTED`).
    case unimplemented
    case invalidState
    case outOfMemory

    init(code: Int32) {
        self =
            switch code {
            case OPUS_BAD_ARG: .badArgument
            case OPUS_BUFFER_TOO_SMALL: .bufferTooSmall
            case OPUS_INVALID_PACKET: .invalidPacket
            case OPUS_UNIMPLEMENTED: .unimplemented
            case OPUS_INVALID_STATE: .invalidState
            case OPUS_ALLOC_FAIL: .outOfMemory
            default: .internalError
            }
    }

    /// Returns a result that is not negative.
    static func check(_ code: Int32) throws(OpusError) -> Int {
        guard code >= 0 else { throw OpusError(code: code) }
        return Int(code)
    }
}
