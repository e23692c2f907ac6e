import Hummingbird

/// Refuses paths that two readers could take for different ones: a proxy that guards a path and
/// we who serve it must see the same. Source: RFC 3986 §2.1, §3.3, §6.2.2.
struct PlainPaths: RouterMiddleware {
    func handle(
        _ request: Request, context: CirclesRequestContext,
        next: (Request, CirclesRequestContext) async throws -> Response
    ) async throws -> Response {
        guard Self.isPlain(request.head.path ?? "") else {
            throw Problem(
                .malformedPath,
                "The path has empty or dot segments, encoded slashes or bad percent-encoding")
        }
        return try await next(request, context)
    }

    /// - Parameter target: the request's target, its query included.
    static func isPlain(_ target: String) -> Bool {
        var path = target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        // The form for proxies, which a server takes as well (RFC 9112 §3.2.2).
        for scheme in ["http://", "https://"] where target.hasPrefix(scheme) {
            path = path.dropFirst(scheme.utf8.count).drop { $0 != UInt8(ascii: "/") }
        }
        guard path.first == UInt8(ascii: "/") else { return false }
        var segment: [UInt8] = []
        var rest = path.dropFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "/"):
                guard !segment.isEmpty, !isDots(segment) else { return false }
                segment.removeAll(keepingCapacity: true)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit),
                    let low = rest.popFirst().flatMap(digit)
                else { return false }
                let decoded = high << 4 | low
                guard decoded != UInt8(ascii: "/"), decoded != UInt8(ascii: "\\") else {
                    return false
                }
                segment.append(decoded)
            case 0x21...0x7E where byte != UInt8(ascii: "\\"):
                segment.append(byte)
            default: return false
            }
        }
        return !isDots(segment)
    }

    private static func isDots(_ segment: [UInt8]) -> Bool {
        (1...2).contains(segment.count) && segment.allSatisfy { $0 == UInt8(ascii: ".") }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}
