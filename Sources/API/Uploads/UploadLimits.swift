/// The bounds of what a client may upload, and of what we keep of it.
enum UploadLimits {
    static let coverByteCount = 1...(5 << 20)
    /// Pixels of a cover's width and height.
    static let imageSide = 1...4096
    /// Uploads at once; each holds at most one cover in memory.
    static let concurrentUploadCountMax = 8
    /// A client that has not sent its cover after so long gives its place up.
    static let uploadSecondsMax: Int64 = 60
    /// All covers in the folder of the embedded default, and how many they may be.
    static let storedByteCountMax = 4 << 30
    static let storedFileCountMax = 100_000
    /// Chunks of a PNG or WebP: an encoder writes one for every few kilobytes.
    static let chunkCountMax = 10_000
    /// What a PNG's compressed texts and colour profile may inflate to, all together.
    static let metadataByteCountMax = 4 << 20
    /// Scans of a progressive JPEG: encoders write about ten; each costs a decoder a whole pass.
    static let scanCountMax = 64
}
