import CircleStore
import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// The entity tag of a circle: `"<version>-<hash>"`.
///
/// The version counts the changes of the circle's own description and status; the hash covers the
/// whole representation, with who is inside, who speaks and what the reader may see of it.
/// * If-None-Match compares all of it: a copy that is still the same is answered 304.
/// * If-Match on PATCH and DELETE compares the version alone. It keeps one host from overwriting
///   a description that another has changed meanwhile; members come and go all the time, and
///   that must not make an update fail.
///
/// A compressed representation has another tag, `"…-gzip"`, which names the same version.
enum CircleTag {
    /// What `Compression` adds to the tags of what it compresses.
    static let gzipSuffix = "-gzip"

    static func make(version: Int64, representation: [UInt8]) -> EntityTag {
        let hash = SHA256.hash(data: Data(representation)).prefix(8)
        let digits = hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return EntityTag(opaque: "\(version)-\(digits)")
    }

    /// The condition of If-Match, for the version alone.
    ///
    /// Weak tags match nothing (RFC 9110 §13.1.1), nor do those that we did not make.
    /// - Throws: `Problem` (400) `precondition_malformed`.
    static func condition(_ headers: HTTPFields) throws(Problem) -> VersionCondition {
        guard headers.contains(.ifMatch) else { return .any }
        switch TagCondition(headers[values: .ifMatch]) {
        case nil:
            throw Problem(
                .preconditionMalformed, "If-Match must be * or a list of quoted entity tags")
        case .any: return .any
        case .tags(let tags):
            let versions = tags.lazy.filter { !$0.isWeak }.compactMap { tag in
                tag.opaque.firstIndex(of: "-").flatMap { Int64(tag.opaque[..<$0]) }
            }
            return .oneOf(Set(versions))
        }
    }

    /// A circle with its tag.
    static func response(_ body: CircleBody, version: Int64) -> Response {
        let bytes = JSON.encode(body)
        let tag = make(version: version, representation: bytes)
        return JSON.response(encoded: bytes, headers: [.eTag: tag.description])
    }

    /// As `response`, or 304 when the reader has it already. Compared weakly (RFC 9110 §13.1.2);
    /// a condition that cannot be read is none.
    static func response(
        _ body: CircleBody, version: Int64, readerHas headers: HTTPFields
    ) -> Response {
        var response = response(body, version: version)
        // May be kept, and is asked for again each time: that is what its tag is for.
        response.headers[.cacheControl] = "private, no-cache"
        guard headers.contains(.ifNoneMatch),
            let tag = response.headers[.eTag],
            let condition = TagCondition(headers[values: .ifNoneMatch])
        else { return response }
        var matched: String?
        switch condition {
        case .any: matched = tag
        case .tags(let tags):
            let known = [tag, "\(tag.dropLast())\(gzipSuffix)\""]
            matched = tags.lazy.map { EntityTag(opaque: $0.opaque).description }
                .first(where: known.contains)
        }
        guard let matched else { return response }
        return Response(
            status: .notModified,
            headers: [
                .eTag: matched, .cacheControl: "private, no-cache", .vary: "Accept-Encoding",
            ])
    }
}
