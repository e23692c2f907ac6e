import CZlib
import Testing

/// A PNG of 8-bit RGBA taken apart by other means than it was put together.
/// Source: PNG Specification (Third Edition) §5, §9.
struct Picture {
    let width: Int
    let height: Int
    private let samples: [UInt8]

    struct Pixel: Hashable {
        let red, green, blue, alpha: UInt8
    }

    init(png: [UInt8]) throws {
        try #require(Array(png.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        func number(_ offset: Int) -> Int {
            png[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
        }
        width = number(16)
        height = number(20)
        // 8 bits a sample, RGBA, not interlaced.
        try #require(Array(png[24..<29]) == [8, 6, 0, 0, 0])
        var packed: [UInt8] = []
        var offset = 8
        while offset < png.count {
            let length = number(offset)
            if Array(png[(offset + 4)..<(offset + 8)]) == Array("IDAT".utf8) {
                packed += png[(offset + 8)..<(offset + 8 + length)]
            }
            offset += 12 + length
        }
        let stride = width * 4
        var raw = [UInt8](repeating: 0, count: (stride + 1) * height)
        var rawCount = uLongf(raw.count)
        try #require(uncompress(&raw, &rawCount, packed, uLong(packed.count)) == Z_OK)
        try #require(Int(rawCount) == raw.count)
        samples = Self.unfilter(raw, stride: stride, height: height)
    }

    private static func unfilter(_ raw: [UInt8], stride: Int, height: Int) -> [UInt8] {
        var samples = [UInt8](repeating: 0, count: stride * height)
        for y in 0..<height {
            let filter = raw[y * (stride + 1)]
            for x in 0..<stride {
                let left = x < 4 ? 0 : Int(samples[y * stride + x - 4])
                let up = y == 0 ? 0 : Int(samples[(y - 1) * stride + x])
                let corner = x < 4 || y == 0 ? 0 : Int(samples[(y - 1) * stride + x - 4])
                let guess =
                    switch filter {
                    case 1: left
                    case 2: up
                    case 3: (left + up) / 2
                    case 4: paeth(left, up, corner)
                    default: 0
                    }
                samples[y * stride + x] = raw[y * (stride + 1) + 1 + x] &+ UInt8(guess)
            }
        }
        return samples
    }

    private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
        let guess = left + up - corner
        let (a, b, c) = (abs(guess - left), abs(guess - up), abs(guess - corner))
        return a <= b && a <= c ? left : b <= c ? up : corner
    }

    subscript(x: Int, y: Int) -> Pixel {
        let at = (y * width + x) * 4
        return Pixel(
            red: samples[at], green: samples[at + 1], blue: samples[at + 2],
            alpha: samples[at + 3])
    }

    /// The rows of column `x` that have this opaque colour.
    func rows(of pixel: Pixel, inColumn x: Int) -> [Int] {
        (0..<height).filter { self[x, $0] == pixel }
    }
}
