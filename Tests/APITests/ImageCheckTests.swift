import Testing

@testable import API

@Suite("Checks of uploaded images (PNG 3rd edition, ITU-T T.81, RFC 9649)")
struct ImageCheckTests {
    /// What is wrong with an image; `nil` when nothing is.
    private func defect(_ bytes: [UInt8], _ type: ImageType) -> ImageDefect? {
        do throws(ImageDefect) {
            _ = try type.check(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test("whole images are taken and measured", arguments: SampleImages.valid)
    func takes(name: String, type: ImageType, bytes: [UInt8]) throws {
        #expect(try type.check(bytes) == ImageSize(width: 8, height: 6))
    }

    @Test("an image is of its declared type only", arguments: SampleImages.valid)
    func refusesOtherTypes(name: String, type: ImageType, bytes: [UInt8]) {
        for other in ImageType.allCases where other != type {
            #expect(defect(bytes, other) == .otherType)
        }
    }

    @Test("an image cut off anywhere is refused", arguments: SampleImages.valid)
    func refusesTruncation(name: String, type: ImageType, bytes: [UInt8]) {
        for count in 0..<bytes.count {
            #expect(defect(Array(bytes[..<count]), type) != nil, "\(count) of \(bytes.count)")
        }
    }

    @Test("bytes after an image are refused: it could be another file too")
    func refusesPolyglots() {
        for (_, type, bytes) in SampleImages.valid {
            for tail in [Array("<script>".utf8), [0], Array("PK\u{5}\u{6}".utf8)] {
                #expect(defect(bytes + tail, type) == .trailingBytes)
            }
        }
    }

    @Test("no altered byte makes a check trap, and altered PNGs fall to their checksums")
    func survivesMutation() {
        for (name, type, bytes) in SampleImages.valid {
            for index in bytes.indices {
                for flip: UInt8 in [0x01, 0x80, 0xFF] {
                    var altered = bytes
                    altered[index] ^= flip
                    let found = defect(altered, type)
                    if type == .png { #expect(found != nil, "\(name), byte \(index)") }
                }
            }
        }
    }

    @Test("animations are refused")
    func refusesAnimations() {
        #expect(defect(SampleImages.animatedPNG, .png) == .animated)
        #expect(defect(SampleImages.animatedWebP, .webp) == .animated)
    }

    // MARK: PNG

    private static let row = [UInt8](repeating: 0, count: 9)
    private static let pixels = (0..<6).flatMap { _ in row }

    private static let badPNGs:
        [(name: String, chunks: [(type: String, data: [UInt8])], defect: ImageDefect)] = [
            (
                "a bomb: a mebibyte where 54 bytes belong",
                [SampleImages.pngHeader(), ("IDAT", SampleImages.zeros), SampleImages.pngEnd],
                .inflatesTooFar
            ),
            (
                "one byte too many",
                [
                    SampleImages.pngHeader(), ("IDAT", SampleImages.stored(pixels + [0])),
                    SampleImages.pngEnd,
                ], .inflatesTooFar
            ),
            (
                "one byte too few",
                [
                    SampleImages.pngHeader(),
                    ("IDAT", SampleImages.stored(Array(pixels.dropLast()))),
                    SampleImages.pngEnd,
                ], .malformed("has fewer pixels than it says")
            ),
            (
                "data after the compressed stream",
                [
                    SampleImages.pngHeader(), ("IDAT", SampleImages.stored(pixels) + [0]),
                    SampleImages.pngEnd,
                ], .malformed("has data after its compressed stream")
            ),
            (
                "a wrong checksum of the stream",
                [
                    SampleImages.pngHeader(),
                    ("IDAT", SampleImages.stored(pixels).dropLast() + [0x55]),
                    SampleImages.pngEnd,
                ], .malformed("has a broken compressed stream")
            ),
            (
                "4097 columns",
                [
                    SampleImages.pngHeader(width: 4097), ("IDAT", SampleImages.zeros),
                    SampleImages.pngEnd,
                ], .tooLarge
            ),
            (
                "2³¹ rows",
                [
                    SampleImages.pngHeader(height: 1 << 31), ("IDAT", SampleImages.zeros),
                    SampleImages.pngEnd,
                ], .tooLarge
            ),
            (
                "no columns",
                [SampleImages.pngHeader(width: 0), SampleImages.pngEnd],
                .malformed("has no pixels")
            ),
            (
                "a depth that its colours do not have",
                [SampleImages.pngHeader(depth: 4, colour: 2), SampleImages.pngEnd],
                .malformed("has a bad header")
            ),
            (
                "no palette",
                [
                    SampleImages.pngHeader(colour: 3), ("IDAT", SampleImages.stored(pixels)),
                    SampleImages.pngEnd,
                ], .malformed("has no palette")
            ),
            ("no header", [SampleImages.pngEnd], .malformed("does not begin with IHDR")),
            (
                "no pixels", [SampleImages.pngHeader(), SampleImages.pngEnd],
                .malformed("has fewer pixels than it says")
            ),
            (
                "pixels in two places",
                [
                    SampleImages.pngHeader(), ("IDAT", SampleImages.stored(pixels)),
                    ("tEXt", [65, 0, 66]), ("IDAT", []), SampleImages.pngEnd,
                ], .malformed("has pixels in two places")
            ),
            (
                "an unknown critical chunk",
                [SampleImages.pngHeader(), ("EVIL", []), SampleImages.pngEnd],
                .malformed("has an unknown critical chunk")
            ),
            (
                "a profile that is a bomb",
                [SampleImages.pngHeader()]
                    + (0..<5).map { _ in ("iCCP", [65, 0, 0] + SampleImages.zeros) }
                    + [SampleImages.pngEnd], .inflatesTooFar
            ),
            (
                "a text that breaks off",
                [
                    SampleImages.pngHeader(),
                    ("iTXt", [65, 0, 1, 0, 0, 0] + SampleImages.zeros.dropLast(4)),
                    SampleImages.pngEnd,
                ], .malformed("has a bad iTXt chunk")
            ),
        ]

    @Test("a PNG that is not what it says is refused", arguments: badPNGs.indices)
    func refusesBadPNGs(index: Int) {
        let bad = Self.badPNGs[index]
        #expect(defect(SampleImages.png(bad.chunks), .png) == bad.defect, "\(bad.name)")
    }

    @Test("a PNG with exactly its pixels is taken, in one chunk or in many, with its texts")
    func takesHandMadePNGs() {
        let stream = SampleImages.stored(Self.pixels)
        let many = stream.map { (type: "IDAT", data: [$0]) }
        let text = (type: "zTXt", data: [65, 0, 0] + SampleImages.zeros)
        for chunks in [[("IDAT", stream)], many, [("IDAT", []), ("IDAT", stream), text]] {
            let bytes = SampleImages.png(
                [SampleImages.pngHeader()] + chunks + [SampleImages.pngEnd])
            #expect(defect(bytes, .png) == nil)
        }
    }

    @Test("a PNG has no endless number of chunks")
    func boundsChunks() {
        let chunks = [SampleImages.pngHeader()] + Array(repeating: ("tEXt", []), count: 10_001)
        #expect(defect(SampleImages.png(chunks), .png) == .malformed("has too many chunks"))
    }

    // MARK: JPEG

    /// The sample with its frame's height and width replaced.
    private func jpeg(height: Int, width: Int) throws -> [UInt8] {
        var bytes = SampleImages.baselineJPEG
        let frame = try #require(
            bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes.replaceSubrange(
            (frame + 5)..<(frame + 9),
            with: SampleImages.bigEndian(height, 2) + SampleImages.bigEndian(width, 2))
        return bytes
    }

    @Test("a JPEG's pixels are bounded")
    func boundsJPEGs() throws {
        #expect(defect(try jpeg(height: 6, width: 8), .jpeg) == nil)
        #expect(defect(try jpeg(height: 65_535, width: 8), .jpeg) == .tooLarge)
        #expect(defect(try jpeg(height: 6, width: 4097), .jpeg) == .tooLarge)
        #expect(defect(try jpeg(height: 0, width: 8), .jpeg) == .malformed("has no pixels"))
    }

    @Test(
        "a JPEG without a picture is refused",
        arguments: [
            ([0xFF, 0xD8, 0xFF, 0xD9], .malformed("has no picture")),
            ([0xFF, 0xD8, 0x00], .malformed("has a bad segment")),
            ([0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x01], .malformed("has a bad segment")),
            ([0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF, 0x00], .truncated),
            ([0xFF, 0xD8, 0xFF, 0xD8, 0x00, 0x02], .malformed("has a stray marker")),
            (
                [0xFF, 0xD8, 0xFF, 0xC3, 0x00, 0x02],
                .malformed("is of a kind that browsers do not show")
            ),
            ([0xFF, 0xD8, 0xFF, 0xDA, 0x00, 0x02], .malformed("has a scan before its tables")),
        ] as [([UInt8], ImageDefect)])
    func refusesBadJPEGs(bytes: [UInt8], expected: ImageDefect) {
        #expect(defect(bytes, .jpeg) == expected)
    }

    @Test("a JPEG of very many scans is refused: each costs a decoder a whole pass")
    func boundsScans() throws {
        let bytes = SampleImages.baselineJPEG
        let scan = try #require(
            bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
        let again = bytes[scan..<(bytes.count - 2)]
        let many = bytes[..<scan] + (0..<65).flatMap { _ in again } + bytes.suffix(2)
        #expect(defect(Array(many), .jpeg) == .malformed("has too many scans"))
    }

    // MARK: WebP

    @Test("a WebP's parts must fit together")
    func refusesBadWebPs() throws {
        let picture = (type: "VP8L", data: Array(SampleImages.losslessWebP.dropFirst(20)))
        func canvas(_ width: Int, flags: UInt8 = 0) -> (type: String, data: [UInt8]) {
            let size = SampleImages.littleEndian(width - 1, 3) + SampleImages.littleEndian(5, 3)
            return ("VP8X", [flags, 0, 0, 0] + size)
        }
        let cases: [(chunks: [(type: String, data: [UInt8])], defect: ImageDefect?)] = [
            ([canvas(8), picture], nil),
            ([], .malformed("has no picture")),
            ([canvas(8)], .malformed("has no picture")),
            ([picture, picture], .malformed("has two pictures")),
            ([canvas(9), picture], .malformed("has a picture of another size than its canvas")),
            ([canvas(4097), picture], .tooLarge),
            ([canvas(8, flags: 2), picture], .animated),
            ([picture, canvas(8)], .malformed("has its header in the middle")),
            ([("EXIF", [1])], .malformed("has chunks without a header")),
            ([("VP8 ", [1, 0, 0, 0x9D, 1, 0x2A])], .malformed("has a bad VP8 frame")),
            ([("VP8L", [0x2E, 0, 0, 0, 0, 0])], .malformed("has a bad VP8L frame")),
            ([("VP8L", [0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0])], .tooLarge),
        ]
        for (chunks, expected) in cases {
            #expect(defect(SampleImages.webp(chunks), .webp) == expected, "\(chunks.map(\.type))")
        }
    }
}
