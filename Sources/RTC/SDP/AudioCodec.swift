/// How Opus goes over a section, as its description says.
struct AudioCodec: Hashable {
    let opusPayloadType: UInt8
    /// Redundant audio whose blocks are all this Opus.
    let redPayloadType: UInt8?
    let isNACKEnabled: Bool
    let audioLevelExtensionID: UInt8?
    let midExtensionID: UInt8?

    /// `nil` for a section without Opus.
    init?(_ section: MediaDescription, acceptsRED: Bool) {
        let codecs = section.codecs
        guard
            let opus = codecs.first(where: {
                $0.map.isCodec("opus", clockRate: 48_000, channels: 2)
            })?.payloadType
        else { return nil }
        opusPayloadType = opus
        redPayloadType =
            acceptsRED
            ? codecs.first { payloadType, map in
                map.isCodec("red", clockRate: 48_000, channels: 2)
                    && Self.isRedundancy(
                        section.formatParameters["\(payloadType)"] ?? "", of: opus)
            }?.payloadType : nil
        isNACKEnabled = section.feedback["\(opus)"]?.contains("nack") ?? false
        audioLevelExtensionID = Self.extensionID(ExtensionMap.audioLevelURI, in: section)
        midExtensionID = Self.extensionID(ExtensionMap.midURI, in: section)
    }

    /// Whether parameters such as `111/111` name this payload type only (RFC 2198 §5).
    private static func isRedundancy(_ parameters: String, of payloadType: UInt8) -> Bool {
        let blocks = parameters.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return !blocks.isEmpty
            && blocks.allSatisfy { Substring($0).number(as: UInt8.self) == payloadType }
    }

    /// A number that the one-byte form can carry.
    private static func extensionID(_ uri: String, in section: MediaDescription) -> UInt8? {
        section.extensions.first { $0.uri == uri && (1...14).contains($0.id) }
            .flatMap { UInt8(exactly: $0.id) }
    }
}
