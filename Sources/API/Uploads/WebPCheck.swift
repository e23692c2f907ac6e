/// Reads a WebP's chunks and the header of its picture.
/// Source: RFC 9649 (WebP); RFC 6386 §9.1 (VP8).
enum WebPCheck {
    static func size(of bytes: [UInt8]) throws(ImageDefect) -> ImageSize {
        var cursor = ByteCursor(bytes)
        guard cursor.has(Array("RIFF".utf8)) else { throw .otherType }
        let fileByteCount = try cursor.littleEndian(4)
        guard cursor.has(Array("WEBP".utf8)) else { throw .otherType }
        guard fileByteCount % 2 == 0 else { throw .malformed("has an odd length") }
        guard fileByteCount + 8 <= bytes.count else { throw .truncated }
        guard fileByteCount + 8 == bytes.count else { throw .trailingBytes }
        var (canvas, picture): (ImageSize?, ImageSize?)
        var chunkCount = 0
        while cursor.remainingCount > 0 {
            chunkCount += 1
            guard chunkCount <= UploadLimits.chunkCountMax else {
                throw .malformed("has too many chunks")
            }
            let type = String(decoding: bytes[try cursor.take(4)], as: UTF8.self)
            let byteCount = try cursor.littleEndian(4)
            var chunk = ByteCursor(bytes, try cursor.take(byteCount))
            if byteCount % 2 == 1 { _ = try cursor.byte() }
            switch type {
            case "VP8X":
                guard chunkCount == 1 else { throw .malformed("has its header in the middle") }
                canvas = try Self.canvas(&chunk)
            case "VP8 ", "VP8L":
                guard picture == nil else { throw .malformed("has two pictures") }
                // Without the extended header there is this one chunk.
                guard canvas != nil || chunkCount == 1 else {
                    throw .malformed("has no header before its picture")
                }
                picture = try type == "VP8 " ? lossy(&chunk) : lossless(&chunk)
            case "ANIM", "ANMF": throw .animated
            default:
                guard canvas != nil else { throw .malformed("has chunks without a header") }
            }
        }
        guard let picture else { throw .malformed("has no picture") }
        guard canvas == nil || canvas == picture else {
            throw .malformed("has a picture of another size than its canvas")
        }
        return picture
    }

    private static func canvas(_ chunk: inout ByteCursor) throws(ImageDefect) -> ImageSize {
        guard chunk.remainingCount == 10 else { throw .malformed("has a bad header") }
        let flags = try chunk.littleEndian(4)
        guard flags & 0x02 == 0 else { throw .animated }
        let (width, height) = (try chunk.littleEndian(3) + 1, try chunk.littleEndian(3) + 1)
        return try ImageSize(width: width, height: height)
    }

    private static func lossy(_ chunk: inout ByteCursor) throws(ImageDefect) -> ImageSize {
        let tag = try chunk.littleEndian(3)
        // A key frame, of a known version, to be shown.
        guard tag & 1 == 0, tag >> 1 & 7 <= 3, tag >> 4 & 1 == 1, chunk.has([0x9D, 0x01, 0x2A])
        else { throw .malformed("has a bad VP8 frame") }
        let (width, height) = (try chunk.littleEndian(2), try chunk.littleEndian(2))
        let firstPartByteCount = tag >> 5
        guard firstPartByteCount > 0 else { throw .malformed("has an empty VP8 frame") }
        guard firstPartByteCount < chunk.remainingCount else { throw .truncated }
        return try ImageSize(width: width & 0x3FFF, height: height & 0x3FFF)
    }

    private static func lossless(_ chunk: inout ByteCursor) throws(ImageDefect) -> ImageSize {
        guard try chunk.byte() == 0x2F else { throw .malformed("has a bad VP8L frame") }
        let fields = try chunk.littleEndian(4)
        guard fields >> 29 == 0, chunk.remainingCount > 0 else {
            throw .malformed("has a bad VP8L frame")
        }
        return try ImageSize(width: (fields & 0x3FFF) + 1, height: (fields >> 14 & 0x3FFF) + 1)
    }
}
