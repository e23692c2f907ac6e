import HTTPTypes
import Hummingbird
import NIOCore

/// Sends texts compressed to those who take gzip. Source: RFC 9110 §12.5.3.
///
/// Streams go as they are: an event must not wait in a compressor. Tokens in answers are not in
/// danger of BREACH: no browser adds credentials to a request of another site, for there are no
/// cookies.
struct Compression: RouterMiddleware {
    /// Shorter bodies fit into one packet anyhow.
    static let byteCountMin = 1024
    /// Longer ones would hold a thread for too long.
    static let byteCountMax = 8 << 20

    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        // Short answers are the same for everybody, and most are short.
        guard let count = response.body.contentLength, count >= Self.byteCountMin,
            Self.isText(response.headers[.contentType] ?? ""),
            !response.headers.contains(.contentEncoding)
        else { return response }
        // Whoever keeps the answer must know what it depends on, compressed or not.
        response.headers.addVary("Accept-Encoding")
        guard count <= Self.byteCountMax, response.status != .partialContent,
            response.headers[.cacheControl]?.contains("no-transform") != true,
            Self.prefersGzip(request.headers[values: .acceptEncoding]),
            let bytes = try await response.body.bytes(), let compressed = gzip(bytes)
        else { return response }
        response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: compressed))
        response.headers[.contentLength] = "\(compressed.count)"
        response.headers[.contentEncoding] = "gzip"
        // A strong tag names one sequence of bytes; this is another (RFC 9110 §8.8.3.3).
        if let tag = response.headers[.eTag], tag.hasPrefix("\""), tag.count > 1 {
            response.headers[.eTag] = "\(tag.dropLast())\(CircleTag.gzipSuffix)\""
        }
        return response
    }

    static func isText(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        if type == "text/event-stream" { return false }
        return type.hasPrefix("text/") || type.hasSuffix("+json") || type.hasSuffix("+xml")
            || ["application/json", "application/yaml", "application/javascript"].contains(type)
    }

    /// Whether gzip is accepted and no less welcome than the bare body.
    static func prefersGzip(_ values: [String]) -> Bool {
        var (gzip, identity, other): (Double?, Double?, Double?)
        for item in values.flatMap({ $0.split(separator: ",") }) {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let coding = parts.first?.lowercased() else { continue }
            var quality = 1.0
            if let weight = parts.dropFirst().first(where: { $0.lowercased().hasPrefix("q=") }) {
                // A weight that is none means: rather not.
                quality =
                    Double(weight.dropFirst(2)).flatMap { (0...1).contains($0) ? $0 : nil } ?? 0
            }
            switch coding {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, quality)
            case "identity": identity = quality
            case "*": other = quality
            default: break
            }
        }
        let weight = gzip ?? other ?? 0
        return weight > 0 && weight >= identity ?? 0
    }
}

extension HTTPFields {
    /// Adds a name to Vary, unless it is there.
    mutating func addVary(_ name: String) {
        let names = self[.vary]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        guard !names.contains(where: { $0.lowercased() == name.lowercased() || $0 == "*" }) else {
            return
        }
        self[.vary] = (names + [name]).joined(separator: ", ")
    }
}
