/// Reads a JPEG's segments and steps over its entropy-coded data.
/// Source: ITU-T T.81, annex B.
enum JPEGCheck {
    private enum Marker {
        static let startOfImage: [UInt8] = [0xFF, 0xD8]
        static let endOfImage: UInt8 = 0xD9
        static let startOfScan: UInt8 = 0xDA
        static let quantizationTable: UInt8 = 0xDB
        static let huffmanTable: UInt8 = 0xC4
        static let restarts: ClosedRange<UInt8> = 0xD0...0xD7
        /// Baseline, extended and progressive, Huffman-coded: what browsers show.
        static let frames: ClosedRange<UInt8> = 0xC0...0xC2
        /// Arithmetic, lossless and hierarchical kinds.
        static let otherFrames: Set<UInt8> = [
            0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xDC, 0xDE,
        ]
    }

    static func size(of bytes: [UInt8]) throws(ImageDefect) -> ImageSize {
        var cursor = ByteCursor(bytes)
        guard cursor.has(Marker.startOfImage) else { throw .otherType }
        var frame: (size: ImageSize, componentCount: Int)?
        var (hasQuantization, hasHuffman, scanCount) = (false, false, 0)
        while true {
            let marker = try nextMarker(&cursor)
            if marker == Marker.endOfImage { break }
            let length = try cursor.bigEndian(2)
            guard length >= 2 else { throw .malformed("has a bad segment") }
            var segment = ByteCursor(bytes, try cursor.take(length - 2))
            switch marker {
            case Marker.quantizationTable: hasQuantization = true
            case Marker.huffmanTable: hasHuffman = true
            case Marker.frames:
                guard frame == nil else { throw .malformed("has two frames") }
                frame = try Self.frame(&segment)
            case Marker.startOfScan:
                guard let frame, hasQuantization, hasHuffman else {
                    throw .malformed("has a scan before its tables")
                }
                let count = Int(try segment.byte())
                guard (1...frame.componentCount).contains(count),
                    segment.remainingCount == 2 * count + 3
                else { throw .malformed("has a bad scan") }
                scanCount += 1
                guard scanCount <= UploadLimits.scanCountMax else {
                    throw .malformed("has too many scans")
                }
                try skipEntropyCodedData(&cursor)
            case _ where Marker.otherFrames.contains(marker):
                throw .malformed("is of a kind that browsers do not show")
            case 0x00...0xBF, Marker.restarts, 0xD8: throw .malformed("has a stray marker")
            default: break  // application data, comments, restart interval
            }
        }
        guard let frame, scanCount > 0 else { throw .malformed("has no picture") }
        guard cursor.remainingCount == 0 else { throw .trailingBytes }
        return frame.size
    }

    /// A marker may be led in by any number of fill bytes.
    private static func nextMarker(_ cursor: inout ByteCursor) throws(ImageDefect) -> UInt8 {
        guard try cursor.byte() == 0xFF else { throw .malformed("has a bad segment") }
        var marker = try cursor.byte()
        while marker == 0xFF { marker = try cursor.byte() }
        return marker
    }

    private static func frame(
        _ segment: inout ByteCursor
    ) throws(ImageDefect) -> (size: ImageSize, componentCount: Int) {
        let precision = try segment.byte()
        let (height, width) = (try segment.bigEndian(2), try segment.bigEndian(2))
        let count = Int(try segment.byte())
        guard precision == 8, [1, 3, 4].contains(count), segment.remainingCount == 3 * count
        else { throw .malformed("has a bad frame") }
        return (try ImageSize(width: width, height: height), count)
    }

    /// Goes to the marker after a scan: 0xFF that is neither stuffed nor a restart.
    private static func skipEntropyCodedData(_ cursor: inout ByteCursor) throws(ImageDefect) {
        var dataByteCount = 0
        while true {
            let start = cursor.offset
            guard cursor.skip(to: 0xFF) else { throw .truncated }
            dataByteCount += cursor.offset - start
            var ahead = cursor
            _ = try ahead.byte()
            let next = try ahead.byte()
            guard next == 0 || next == 0xFF || Marker.restarts.contains(next) else { break }
            // Of two 0xFF the first is a fill byte.
            _ = try cursor.take(next == 0xFF ? 1 : 2)
            dataByteCount += next == 0 ? 1 : 0
        }
        guard dataByteCount > 0 else { throw .malformed("has an empty scan") }
    }
}
