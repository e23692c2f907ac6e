import Crypto
import Domain
import Foundation

/// A request to Google Cloud Storage that is signed in its URL (V4, GOOG4-RSA-SHA256).
/// Source: Cloud Storage, "V4 signing process with your own program" and "Canonical requests".
struct GoogleSignedURL: Sendable {
    /// Where the bucket's name stands; the host may carry a port.
    enum Style: Sendable {
        case path(host: String)
        case virtualHosted(host: String)
        case bucketBound(host: String)
    }

    var method: String
    var bucket: String
    /// `nil` addresses the bucket itself.
    var object: String?
    /// What the client must send exactly so, beside `Host`.
    var headers: [(name: String, value: String)] = []
    var parameters: [(name: String, value: String)] = []
    var style = Style.path(host: "storage.googleapis.com")
    var scheme = "https"
    var expiresSeconds: Int
    var signedAt: Timestamp
    /// Of the service account whose key signs.
    var clientEmail: String

    static let algorithm = "GOOG4-RSA-SHA256"
    /// A week: what Google takes at most.
    static let expiresSecondsMax = 604_800

    // MARK: What is signed

    var canonicalRequest: String {
        let fields = canonicalHeaders
        let payload =
            fields.first { $0.name == "x-goog-content-sha256" }?.value ?? "UNSIGNED-PAYLOAD"
        return [
            method, canonicalPath, canonicalQuery,
            fields.map { "\($0.name):\($0.value)\n" }.joined(), signedHeaders, payload,
        ].joined(separator: "\n")
    }

    var stringToSign: String {
        let hash = Hex.encode(SHA256.hash(data: Data(canonicalRequest.utf8)))
        return [Self.algorithm, date, scope, hash].joined(separator: "\n")
    }

    /// The whole URL.
    ///
    /// - Parameter signature: of `stringToSign`.
    func url(signature: some Sequence<UInt8>) -> String {
        "\(scheme)://\(authority)\(canonicalPath)?\(canonicalQuery)"
            + "&X-Goog-Signature=\(Hex.encode(signature))"
    }

    // MARK: Parts

    /// `20190201T090000Z`.
    private var date: String {
        let second = Timestamp(seconds: signedAt.microseconds / 1_000_000)
        return second.description.filter { $0 != "-" && $0 != ":" }
    }

    private var scope: String { "\(date.prefix(8))/auto/storage/goog4_request" }

    private var authority: String {
        switch style {
        case .path(let host), .bucketBound(let host): host
        case .virtualHosted(let host): "\(bucket).\(host)"
        }
    }

    private var canonicalPath: String {
        let object = object.map { "/" + Self.encode($0, keepsSlashes: true) }
        return switch style {
        case .path: "/\(bucket)\(object ?? "")"
        case .virtualHosted, .bucketBound: object ?? "/"
        }
    }

    /// Names in lower case and in order, values without blanks around and none doubled in them.
    private var canonicalHeaders: [(name: String, value: String)] {
        let host = authority.prefix { $0 != ":" }
        return (headers + [("host", String(host))])
            .map { name, value in
                let words = value.split(whereSeparator: \.isWhitespace)
                return (name.lowercased(), words.joined(separator: " "))
            }
            .sorted { $0.name < $1.name }
    }

    private var signedHeaders: String { canonicalHeaders.map(\.name).joined(separator: ";") }

    private var canonicalQuery: String {
        let own = [
            ("X-Goog-Algorithm", Self.algorithm),
            ("X-Goog-Credential", "\(clientEmail)/\(scope)"),
            ("X-Goog-Date", date),
            ("X-Goog-Expires", String(expiresSeconds)),
            ("X-Goog-SignedHeaders", signedHeaders),
        ]
        return (own + parameters.map { ($0.name, $0.value) })
            .map { (Self.encode($0.0), Self.encode($0.1)) }
            .sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    /// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
    static func encode(_ text: String, keepsSlashes: Bool = false) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepsSlashes: encoded += "/"
            default: encoded += "%" + Hex.encode(CollectionOfOne(byte)).uppercased()
            }
        }
        return encoded
    }
}
