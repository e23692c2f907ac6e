internal import COpus

/// An Opus encoder at 48 kHz. libopus: "a single codec state may only be accessed from a single
/// thread at a time".
///
/// Source: RFC 6716.
public final class OpusEncoder {
    /// What the encoder is tuned for.
    public enum Application: Sendable {
        case voip, audio
    }

    public struct Settings: Sendable, Hashable {
        public var application: Application
        /// 1 or 2.
        public var channels: Int
        public var bitsPerSecond: Int
        /// Carries a coarse copy of the last frame for when that is lost.
        public var hasInBandFEC: Bool
        /// Packets of at most two bytes in silence, which need not be sent.
        public var hasDTX: Bool
        /// What the encoder should expect, 0…100.
        public var expectedLossPercent: Int
        /// 0…10.
        public var complexity: Int
        public var isVariableBitrate: Bool

        public init(
            application: Application = .voip, channels: Int = 1, bitsPerSecond: Int = 32_000,
            hasInBandFEC: Bool = true, hasDTX: Bool = true, expectedLossPercent: Int = 0,
            complexity: Int = 5, isVariableBitrate: Bool = true
        ) {
            self.application = application
            self.channels = channels
            self.bitsPerSecond = bitsPerSecond
            self.hasInBandFEC = hasInBandFEC
            self.hasDTX = hasDTX
            self.expectedLossPercent = expectedLossPercent
            self.complexity = complexity
            self.isVariableBitrate = isVariableBitrate
        }
    }

    private let handle: OpaquePointer

    /// Throws: `badArgument` for a setting outside its range.
    public init(_ settings: Settings) throws(OpusError) {
        let application =
            switch settings.application {
            case .voip: OPUS_APPLICATION_VOIP
            case .audio: OPUS_APPLICATION_AUDIO
            }
        var code = OPUS_OK
        let created = opus_encoder_create(
            48_000, Int32(clamping: settings.channels), application, &code)
        guard let created, code == OPUS_OK else { throw OpusError(code: code) }
        handle = created
        // Throws with `handle` set: `deinit` runs and frees it.
        try apply(settings)
    }

    deinit {
        opus_encoder_destroy(handle)
    }

    private func apply(_ settings: Settings) throws(OpusError) {
        let codes = [
            circles_opus_set_bitrate(handle, Int32(clamping: settings.bitsPerSecond)),
            circles_opus_set_inband_fec(handle, settings.hasInBandFEC ? 1 : 0),
            circles_opus_set_dtx(handle, settings.hasDTX ? 1 : 0),
            circles_opus_set_packet_loss(handle, Int32(clamping: settings.expectedLossPercent)),
            circles_opus_set_complexity(handle, Int32(clamping: settings.complexity)),
            circles_opus_set_vbr(handle, settings.isVariableBitrate ? 1 : 0),
        ]
        for code in codes {
            _ = try OpusError.check(code)
        }
    }

    /// Encodes one frame of `frameSamples` samples per channel, interleaved, and returns the
    /// packet's length. At most two bytes with DTX: the packet need not be sent.
    ///
    /// Throws: `badArgument` when the frame is not 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms,
    /// `bufferTooSmall`.
    public func encode(
        pcm: UnsafePointer<Int16>, frameSamples: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(OpusError) -> Int {
        guard let bytes = buffer.baseAddress, buffer.count > 0 else { throw .bufferTooSmall }
        return try OpusError.check(
            opus_encode(
                handle, pcm, Int32(clamping: frameSamples),
                bytes.assumingMemoryBound(to: UInt8.self), Int32(clamping: buffer.count)))
    }
}
