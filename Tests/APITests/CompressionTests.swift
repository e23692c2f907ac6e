import CZlib
import Testing

@testable import API

@Suite("Compression (RFC 9110 §12.5.3, RFC 1952)")
struct CompressionTests {
    @Test(
        "weights decide",
        arguments: [
            ("gzip", true), ("GZIP", true), ("x-gzip", true), ("gzip, deflate, br", true),
            ("*", true), ("gzip;q=0.001", true), ("br;q=1, gzip;q=0.5", true),
            ("gzip;q=0.5, identity;q=0.5", true), ("*;q=0.1", true), ("gzip ; q=1", true),
            ("", false), ("identity", false), ("br", false), ("gzip;q=0", false),
            ("gzip;q=0.000", false), ("*;q=0", false), ("gzip;q=0, *", false),
            ("gzip;q=0.5, identity", false), ("gzip;q=x", false), ("gzip;q=-1", false),
            ("gzip;q=2", false), ("gzip;q=nan", false), (";q=1", false), (",,,", false),
        ])
    func weighs(header: String, isGzip: Bool) {
        #expect(Compression.prefersGzip([header]) == isGzip)
    }

    @Test("without the header nothing is compressed, and lines add up")
    func weighsLines() {
        #expect(!Compression.prefersGzip([]))
        #expect(Compression.prefersGzip(["br", "gzip"]))
    }

    @Test(
        "texts are compressed, streams and pictures are not",
        arguments: [
            ("application/json", true), ("application/problem+json", true),
            ("text/html; charset=utf-8", true), ("TEXT/CSS", true), ("image/svg+xml", true),
            ("text/event-stream", false), ("text/event-stream; charset=utf-8", false),
            ("image/png", false), ("application/octet-stream", false), ("", false),
        ])
    func picksTypes(type: String, isText: Bool) {
        #expect(Compression.isText(type) == isText)
    }

    private func gunzip(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard
            inflateInit2_(
                &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var (input, output) = (bytes, [UInt8](repeating: 0, count: 1 << 20))
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                status = inflate(&stream, Z_FINISH)
            }
        }
        return status == Z_STREAM_END ? Array(output.prefix(Int(stream.total_out))) : nil
    }

    @Test("what is compressed comes out as it went in, random bytes too", arguments: 0..<6)
    func roundTrips(seed: UInt64) throws {
        var state = seed &+ 1
        let noise = (0..<(1 << (seed * 3))).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        let text = Array(String(repeating: #"{"circleId":"019a"},"#, count: noise.count).utf8)
        for bytes in [noise, text] where bytes.count < 1 << 20 {
            let compressed = try #require(gzip(bytes))
            #expect(gunzip(compressed) == bytes)
        }
        #expect(try #require(gzip(text)).count < text.count + 32)
    }
}
