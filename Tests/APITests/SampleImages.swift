import Foundation

@testable import API

/// Small images as an encoder of this world writes them: Pillow 13, but for the interlaced one,
/// which Pillow only reads.
enum SampleImages {
    /// 8 × 6 pixels each.
    static let valid: [(name: String, type: ImageType, bytes: [UInt8])] = [
        ("1 bit", .png, bitmapPNG), ("gray and alpha", .png, grayAlphaPNG),
        ("interlaced", .png, interlacedPNG), ("baseline", .jpeg, baselineJPEG),
        ("progressive", .jpeg, progressiveJPEG), ("lossy", .webp, lossyWebP),
        ("lossless", .webp, losslessWebP), ("with EXIF", .webp, extendedWebP),
    ]

    private static func decode(_ base64: String) -> [UInt8] {
        Array(Data(base64Encoded: base64)!)  // written down below
    }

    static let bitmapPNG = decode(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGAQAAAADWfuJWAAAAFElEQVR4nGNYxRDKFMoQyhTKxAAAD2\
        4CBRCdu7YAAAAASUVORK5CYII=
        """)
    static let grayAlphaPNG = decode(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAQAAABUDBdwAAAAUklEQVR4nAXBwQqCQBQAwPG5mylF4L\
        FrX+p/dvHYRWIJaSuxmWbai5uHpBplacAbnD0dxKa4q7LBppGqq4+vMMtGERado1XvZREXrd3q56RX\
        /AG0/BdkGETjwgAAAABJRU5ErkJggg==
        """)
    static let interlacedPNG = decode(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAAAAAGsabCxAAAAR0lEQVR4nAE8AMP/AAAAJQBKSwBvcA\
        B6ewCUlZaXALm6u7wAxMXGxwDP0NHSAN7f4OHi4+TlAOnq6+zt7u/wAPT19vf4+fr7TdQkU9OoAXwA\
        AAAASUVORK5CYII=
        """)
    static let animatedPNG = decode(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAACGFjVEwAAAACAAAAAPONk3AAAAAaZm\
        NUTAAAAAAAAAAIAAAABgAAAAAAAAAAAAAAAQAALghkRgAAAIFJREFUeJwFwcEKgCAMANA5XaYUgUev\
        fWn/2aWjF5ER0lKp99RxHMy873tKyRgjIiEEIjLeewB4ngcAAGBd11LKNE04xmDm8zxFhIi892MMpZ\
        QRkRjj+76tNUS8rouIQgiIiDlna+08z7VW59x93zln3LZNa/19X621974si3OOmX/RF0MPllL16wAA\
        ABpmY1RMAAAAAQAAAAgAAAAGAAAAAAAAAAAAAAABAAC1e46SAAAAhWZkQVQAAAACeJwFwVsKgCAQAE\
        AfC6ZUitp3P92xWwe6tRaiNsPP8xxjhBAQEQCWZUkpxRjFuq6llPu+AcAYwzlvraWUhPd+nudSijHm\
        fd/v+7z3vXe4rksIse/78zxElHPWWm/bBmMMKSUR1VqVUsdxIKKUUlhrnXOIyBhjjE3TlHMmoh9QME\
        RotfGmFwAAAABJRU5ErkJggg==
        """)
    static let baselineJPEG = decode(
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjI\
        qgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4\
        +Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAGAAgDASIAAhEBAx\
        EB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQID\
        AAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRk\
        dISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2\
        t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQ\
        AAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEI\
        FEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2\
        hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU\
        1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwAPFFFFAH//2Q==
        """)
    static let progressiveJPEG = decode(
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjI\
        qgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4\
        +Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wgARCAAGAAgDASIAAhEBAx\
        EB/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQBAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhADEAAA\
        AQP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAEFAn//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9\
        oACAEDAQE/AX//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAECAQE/AX//xAAUEAEAAAAAAAAAAAAA\
        AAAAAAAA/9oACAEBAAY/An//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAE/IX//2gAMAwEAAg\
        ADAAAAEAP/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAEDAQE/EH//xAAUEQEAAAAAAAAAAAAAAAAA\
        AAAA/9oACAECAQE/EH//xAAWEAADAAAAAAAAAAAAAAAAAAAAASH/2gAIAQEAAT8QcP/Z
        """)
    static let lossyWebP = decode(
        """
        UklGRioAAABXRUJQVlA4IB4AAABwAQCdASoIAAYABUB8JaQAAlJNQACHybQmtpjAAAA=
        """)
    static let losslessWebP = decode(
        """
        UklGRkIAAABXRUJQVlA4TDUAAAAvB0ABAAXbAADL/BtMtlObr0f0PxL5QrHbPactlNHXgQA53Kaltc\
        8TVX8x2xQdbpdfox25AAA=
        """)
    static let extendedWebP = decode(
        """
        UklGRlIAAABXRUJQVlA4WAoAAAAIAAAABwAABQAAVlA4IB4AAABwAQCdASoIAAYABUB8JaQAAlJNQA\
        CHybQmtpjAAABFWElGDgAAAE1NACoAAAAIAAAAAAAA
        """)
    static let animatedWebP = decode(
        """
        UklGRuYAAABXRUJQVlA4WAoAAAACAAAABwAABQAAQU5JTQYAAAAAAAAAAABBTk1GXgAAAAAAAAAAAA\
        cAAAUAAAAAAAJWUDggRgAAAFABAJ0BKggABgABQCYlpAAEdAAA/bBElwPDm/nz1M88x8BZIbeSpBNs\
        fEKjvY6r/TFcfWatSI57MC/Hpr6CrTj018yAAABBTk1GVAAAAAAAAAAAAAcAAAUAAAAAAABWUDggPA\
        AAAFQBAJ0BKggABgAAACYlpAAFjAAAyuBqx0nGdaj7b/jfhqtzYQB/FEKvgPP3BoOgOq7o6fw7lXdH\
        T+EAAA==
        """)

    /// A mebibyte of zeros in a zlib stream.
    static let zeros = decode(
        """
        eNrtwTEBAAAAwqD1T20IX6AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD4DAPAAAQ==
        """)

    // MARK: Made by hand

    /// A PNG of these chunks, with right lengths and checksums.
    static func png(_ chunks: [(type: String, data: [UInt8])]) -> [UInt8] {
        PNGCheck.signature
            + chunks.flatMap { type, data in
                let typed = Array(type.utf8) + data
                return bigEndian(data.count) + typed + bigEndian(crc32(typed[...]))
            }
    }

    static func pngHeader(
        width: Int = 8, height: Int = 6, depth: UInt8 = 8, colour: UInt8 = 0, interlace: UInt8 = 0
    ) -> (type: String, data: [UInt8]) {
        ("IHDR", bigEndian(width) + bigEndian(height) + [depth, colour, 0, 0, interlace])
    }

    static let pngEnd: (type: String, data: [UInt8]) = ("IEND", [])

    /// A zlib stream that stores bytes as they are. Source: RFC 1950 §2.2, RFC 1951 §3.2.4.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var (low, high) = (1, 0)
        for byte in bytes {
            low = (low + Int(byte)) % 65_521
            high = (high + low) % 65_521
        }
        let count = bytes.count
        return [0x78, 0x01, 0x01] + littleEndian(count, 2) + littleEndian(~count & 0xFFFF, 2)
            + bytes + bigEndian(high << 16 | low)
    }

    static func bigEndian(_ value: Int, _ byteCount: Int = 4) -> [UInt8] {
        littleEndian(value, byteCount).reversed()
    }

    static func littleEndian(_ value: Int, _ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(value >> ($0 * 8) & 0xFF) }
    }

    /// A WebP of these chunks.
    static func webp(_ chunks: [(type: String, data: [UInt8])]) -> [UInt8] {
        var body: [UInt8] = []
        for (type, data) in chunks {
            body += Array(type.utf8) + littleEndian(data.count, 4) + data
            if data.count % 2 == 1 { body.append(0) }
        }
        return Array("RIFF".utf8) + littleEndian(body.count + 4, 4) + Array("WEBP".utf8) + body
    }
}
