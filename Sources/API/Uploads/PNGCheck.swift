/// Reads a PNG chunk by chunk and inflates its pixels, of which it keeps nothing.
/// Source: Portable Network Graphics (PNG), third edition, W3C.
struct PNGCheck {
    private var header: Header?
    private var hasPalette = false
    private var phase = Phase.beforePixels
    private let pixels = InflateCounter()
    private var metadataByteCount = 0

    /// beforePixels → pixels → afterPixels → ended; a chunk of pixels never follows another kind
    /// that came between.
    private enum Phase {
        case beforePixels
        case pixels
        case afterPixels
        case ended
    }

    private struct Header {
        let size: ImageSize
        /// Bytes of all rows, each with its filter type, before compression.
        let byteCount: Int
        let needsPalette: Bool
        let allowsPalette: Bool
    }

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    static func size(of bytes: [UInt8]) throws(ImageDefect) -> ImageSize {
        var cursor = ByteCursor(bytes)
        guard cursor.has(signature) else { throw .otherType }
        var check = PNGCheck()
        var chunkCount = 0
        while check.phase != .ended {
            chunkCount += 1
            guard chunkCount <= UploadLimits.chunkCountMax else {
                throw .malformed("has too many chunks")
            }
            let byteCount = try cursor.bigEndian(4)
            let typed = try cursor.take(4 + byteCount)
            guard try cursor.bigEndian(4) == crc32(bytes[typed]) else {
                throw .malformed("has a chunk with a wrong checksum")
            }
            let type = String(decoding: bytes[typed.prefix(4)], as: UTF8.self)
            try check.read(type, ByteCursor(bytes, typed.dropFirst(4)))
        }
        guard cursor.remainingCount == 0 else { throw .trailingBytes }
        return try check.finish()
    }

    private mutating func read(_ type: String, _ data: ByteCursor) throws(ImageDefect) {
        guard type == "IHDR" || header != nil else { throw .malformed("does not begin with IHDR") }
        if phase == .pixels, type != "IDAT" { phase = .afterPixels }
        switch type {
        case "IHDR":
            guard header == nil else { throw .malformed("has two headers") }
            header = try Self.header(data)
        case "PLTE":
            guard !hasPalette, phase == .beforePixels, header?.allowsPalette == true,
                data.remainingCount % 3 == 0, (3...768).contains(data.remainingCount)
            else { throw .malformed("has a bad palette") }
            hasPalette = true
        case "IDAT": try readPixels(data)
        case "IEND":
            guard data.remainingCount == 0 else { throw .malformed("has a bad end") }
            phase = .ended
        case "iCCP", "zTXt", "iTXt": try readMetadata(type, data)
        // Frames of an animation are pictures of their own, which nobody has looked into.
        case "acTL", "fcTL", "fdAT": throw .animated
        default:
            // A capital first letter: who does not know the chunk cannot show the image.
            guard let first = type.utf8.first, first & 0x20 != 0 else {
                throw .malformed("has an unknown critical chunk")
            }
        }
    }

    private static func header(_ data: ByteCursor) throws(ImageDefect) -> Header {
        var data = data
        guard data.remainingCount == 13 else { throw .malformed("has a bad header") }
        let (width, height) = (try data.bigEndian(4), try data.bigEndian(4))
        let (depth, colour) = (Int(try data.byte()), try data.byte())
        let (compression, filter) = (try data.byte(), try data.byte())
        let interlace = try data.byte()
        let form: (samples: Int, depths: [Int])? =
            switch colour {
            case 0: (1, [1, 2, 4, 8, 16])
            case 2: (3, [8, 16])
            case 3: (1, [1, 2, 4, 8])
            case 4: (2, [8, 16])
            case 6: (4, [8, 16])
            default: nil
            }
        guard let form, form.depths.contains(depth), compression == 0, filter == 0, interlace < 2
        else { throw .malformed("has a bad header") }
        let size = try ImageSize(width: width, height: height)
        let bitsPerPixel = form.samples * depth
        let byteCount = (interlace == 0 ? [(width, height)] : passes(width, height))
            .reduce(0) { sum, pass in
                pass.0 == 0 ? sum : sum + pass.1 * (1 + (pass.0 * bitsPerPixel + 7) / 8)
            }
        return Header(
            size: size, byteCount: byteCount, needsPalette: colour == 3,
            allowsPalette: colour == 2 || colour == 3 || colour == 6)
    }

    /// Width and height of Adam7's seven passes. Source: PNG §8.1.
    private static func passes(_ width: Int, _ height: Int) -> [(Int, Int)] {
        [
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
            (0, 1, 1, 2),
        ].map { x, y, xStep, yStep in
            ((width - x + xStep - 1) / xStep, (height - y + yStep - 1) / yStep)
        }
    }

    private mutating func readPixels(_ data: ByteCursor) throws(ImageDefect) {
        guard phase == .beforePixels || phase == .pixels, let header else {
            throw .malformed("has pixels in two places")
        }
        guard hasPalette || !header.needsPalette else { throw .malformed("has no palette") }
        phase = .pixels
        try pixels.feed(data.bytes[data.offset..<data.end], byteCountMax: header.byteCount)
    }

    /// Texts and profiles: what is compressed in them must not inflate without bound either.
    private mutating func readMetadata(
        _ type: String, _ data: ByteCursor
    ) throws(ImageDefect) {
        var data = data
        let malformed = ImageDefect.malformed("has a bad \(type) chunk")
        guard data.skip(to: 0) else { throw malformed }
        _ = try data.byte()
        if type == "iTXt" {
            let isCompressed = try data.byte()
            guard isCompressed == 1 else { return }
        }
        guard try data.byte() == 0 else { throw malformed }
        if type == "iTXt" {
            for _ in 0..<2 {  // language and translated keyword
                guard data.skip(to: 0) else { throw malformed }
                _ = try data.byte()
            }
        }
        let text = InflateCounter()
        try text.feed(
            data.bytes[data.offset..<data.end],
            byteCountMax: UploadLimits.metadataByteCountMax - metadataByteCount)
        guard text.isFinished else { throw malformed }
        metadataByteCount += text.byteCount
    }

    private func finish() throws(ImageDefect) -> ImageSize {
        guard let header, pixels.isFinished, pixels.byteCount == header.byteCount else {
            throw .malformed("has fewer pixels than it says")
        }
        return header.size
    }
}
