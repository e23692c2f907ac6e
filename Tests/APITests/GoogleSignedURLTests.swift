import Domain
import Foundation
import JWTKit
import Testing

@testable import API

@Suite("Signed URLs of Google Cloud Storage (V4)")
struct GoogleSignedURLTests {
    private static let email = "uploads@circles.example"
    private static let now = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!  // well-formed

    /// A key file as Google gives it out, with a key that is published.
    private static func keyFile(_ pem: String) throws -> [UInt8] {
        Array(
            try JSONSerialization.data(withJSONObject: [
                "type": "service_account", "client_email": email, "private_key": pem,
            ]))
    }

    private func bucket() throws -> GoogleBucket {
        let pem = try PublishedKey.first.privateKey().pemRepresentation
        return try GoogleBucket(name: "circles-covers", keyFile: try Self.keyFile(pem))
    }

    // The two URLs below were signed by google-cloud-storage 3.17.1 for Python.

    @Test("an upload's URL is, to the letter, what Google's own library signs")
    func signsUploads() throws {
        let name = try #require(CoverName("019ab1e4-ed80-7000-8000-000000000001.png"))
        let ticket = try bucket().ticket(
            for: name, byteCount: 12_345, now: Self.now, lifetimeSeconds: 600)
        #expect(
            ticket.uploadUrl
                == "https://storage.googleapis.com/circles-covers/covers/"
                + "019ab1e4-ed80-7000-8000-000000000001.png?X-Goog-Algorithm=GOOG4-RSA-SHA256"
                + "&X-Goog-Credential=uploads%40circles.example%2F20261123%2Fauto%2Fstorage"
                + "%2Fgoog4_request&X-Goog-Date=20261123T180000Z&X-Goog-Expires=600"
                + "&X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-content-length-range"
                + "%3Bx-goog-if-generation-match&X-Goog-Signature="
                + "af5f2a289844f97ab08d6ac2085fb4dbaeaaad39f1b5ff20142dd73e4ef60031da694162791983"
                + "1a6d569d363446dc2c7ed9d182ab68a6d7310ec902fa490aa8ac8a4f4763abce5f97eb5a108095"
                + "371d2b588e462fd715f55d3bd5752e58737745d5f8411a1c64976178bdbd29a7b5917f080607eb"
                + "7115dfc555699541310d7bbcc5725d63fcd31de6e37f3c77b6afb07100d04c5b6971a366336663"
                + "b71138722fab85db0b2b763f067a533d24c445781731cb7f00a7bd07c6134501742f1a5e4fde4b"
                + "534dc853782a03ef08e24d1ed822354beef0f1a2625a2edebf3f4e9359971a85d0030af34ce388"
                + "cf0324a0f7f1e873e13faa8278b7cca50aef41ce4838")
        #expect(
            ticket.headers == [
                "Content-Type": "image/png", "X-Goog-Content-Length-Range": "12345,12345",
                "X-Goog-If-Generation-Match": "0",
            ])
        #expect(
            ticket.coverUrl == "https://storage.googleapis.com/circles-covers/covers/\(name)")
        #expect(ticket.expiresAt == Self.now.adding(seconds: 600))
    }

    @Test("names, parameters and headers are encoded, sorted and trimmed as Google's library does")
    func encodes() throws {
        let request = GoogleSignedURL(
            method: "GET", bucket: "circles-covers", object: "a b/ü~_-.%+",
            headers: [("x-goog-meta-Title", "  two   words ")],
            parameters: [
                ("response-content-type", "text/plain; charset=utf-8"), ("a b", "c/d+e"),
            ],
            expiresSeconds: GoogleSignedURL.expiresSecondsMax, signedAt: Self.now,
            clientEmail: Self.email)
        let signature = try bucket().signature(of: request.stringToSign)
        #expect(
            request.url(signature: signature)
                == "https://storage.googleapis.com/circles-covers/a%20b/%C3%BC~_-.%25%2B?"
                + "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=uploads%40circles.example"
                + "%2F20261123%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20261123T180000Z"
                + "&X-Goog-Expires=604800&X-Goog-SignedHeaders=host%3Bx-goog-meta-title"
                + "&a%20b=c%2Fd%2Be&response-content-type=text%2Fplain%3B%20charset%3Dutf-8"
                + "&X-Goog-Signature="
                + "4a590d2f526f4a962ce207b818ee5da2b0956b7861bc7c04670b7ac39c4db3b2b00e7bfc037d95"
                + "e4563ea747b98a790242484a824dbea22143ffc4dd23297d3daad806cccdcf5d4c2544a7e40847"
                + "fbee2d100ffd2beedf19372d0b7f73f2f0dfecf4c7334145e47c819bc2742862013ffa01dc2d7f"
                + "0a71ce122690e0156e69b71f0535cf3df828313e0674a65ed3c6c5091e58c40de8eb85d137bd9b"
                + "71b33a84ac8e90848d9ae458e96a0b35f6c59fba048c3badc274ce2c1d5837ba7ef2e9be9d9024"
                + "9da2493aa5cc883f62b911083ae7594a9d0205770906e986fc48932f292a58f06a5d1130691de4"
                + "22033e6b113179819fd963c916a66c562bfb528fbee7")
    }

    @Test("the bucket stands in the path, in the host, or is bound to a host")
    func placesBuckets() {
        func request(_ style: GoogleSignedURL.Style, object: String?) -> GoogleSignedURL {
            GoogleSignedURL(
                method: "GET", bucket: "b", object: object, style: style, scheme: "http",
                expiresSeconds: 1, signedAt: Self.now, clientEmail: Self.email)
        }
        let cases: [(GoogleSignedURL.Style, String?, url: String, path: String, host: String)] = [
            (.path(host: "h:80"), "o/p", "http://h:80/b/o/p?", "/b/o/p", "h"),
            (.path(host: "h"), nil, "http://h/b?", "/b", "h"),
            (.virtualHosted(host: "h"), "o", "http://b.h/o?", "/o", "b.h"),
            (.bucketBound(host: "my.tld"), "o", "http://my.tld/o?", "/o", "my.tld"),
            (.bucketBound(host: "my.tld"), nil, "http://my.tld/?", "/", "my.tld"),
        ]
        for (style, object, url, path, host) in cases {
            let request = request(style, object: object)
            #expect(request.url(signature: [1]).hasPrefix(url))
            let lines = request.canonicalRequest.split(
                separator: "\n", omittingEmptySubsequences: false)
            #expect(lines[1] == path)
            #expect(lines[3...] == ["host:\(host)", "", "host", "UNSIGNED-PAYLOAD"])
        }
    }

    @Test("a key file that holds no usable key is refused")
    func refusesKeyFiles() throws {
        let pem = try PublishedKey.first.privateKey().pemRepresentation
        let cases: [(name: String, file: [UInt8], failure: GoogleBucket.Failure)] = [
            ("covers", [], .badKeyFile), ("covers", Array("{}".utf8), .badKeyFile),
            ("covers", try Self.keyFile("no PEM"), .badPrivateKey),
            ("covers", try Self.keyFile(pem.replacing("A", with: "B")), .badPrivateKey),
            ("Covers", try Self.keyFile(pem), .badName), ("a", try Self.keyFile(pem), .badName),
            ("a/b", try Self.keyFile(pem), .badName),
        ]
        for (name, file, failure) in cases {
            #expect(throws: failure) { try GoogleBucket(name: name, keyFile: file) }
        }
    }
}

@Suite("Google's conformance vectors for V4 signing", .enabled(if: GoogleVectors.areInstalled))
struct GoogleVectorTests {
    // The library's copy names another project than the one whose key signed, so its strings to
    // sign and URLs fit nothing else in it: what is compared is the canonical request.
    @Test("each vector's canonical request comes out")
    func conforms() throws {
        let vectors = try GoogleVectors.load()
        #expect(vectors.count >= 22)
        for vector in vectors {
            let request = vector.request
            if let expected = vector.expectedCanonicalRequest {
                #expect(request.canonicalRequest == expected, "\(vector.description)")
            }
        }
    }
}

/// The vectors as `scripts/install-vectors.sh` finds them in Google's Python library
/// (Apache License 2.0); they are not part of this repository.
private enum GoogleVectors {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(".build/vectors/google-cloud-storage")

    private static let file = folder.appendingPathComponent("url_signer_v4_test_data.json")

    static var areInstalled: Bool { FileManager.default.fileExists(atPath: file.path) }

    static func load() throws -> [Vector] {
        var data = try Data(contentsOf: file)
        if data.starts(with: [0xEF, 0xBB, 0xBF]) { data.removeFirst(3) }
        return try JSONDecoder().decode(Vectors.self, from: data).signingV4Tests
    }

    private struct Vectors: Decodable {
        let signingV4Tests: [Vector]
    }

    struct Vector: Decodable {
        let description: String
        let bucket: String
        let object: String?
        let method: String
        let expiration: Int
        let timestamp: String
        let scheme: String?
        let urlStyle: String?
        let bucketBoundHostname: String?
        let headers: [String: String]?
        let queryParameters: [String: String]?
        let expectedCanonicalRequest: String?

        var request: GoogleSignedURL {
            let host = "storage.googleapis.com"
            let style: GoogleSignedURL.Style =
                switch urlStyle {
                case "VIRTUAL_HOSTED_STYLE": .virtualHosted(host: host)
                case "BUCKET_BOUND_HOSTNAME": .bucketBound(host: bucketBoundHostname ?? "")
                default: .path(host: host)
                }
            return GoogleSignedURL(
                method: method, bucket: bucket, object: object,
                headers: (headers ?? [:]).map { ($0, $1) },
                parameters: (queryParameters ?? [:]).map { ($0, $1) }, style: style,
                scheme: scheme ?? "https", expiresSeconds: expiration,
                signedAt: Self.time(timestamp),
                clientEmail: "test-iam-credentials@test-project-id.iam.gserviceaccount.com")
        }

        /// Of the two forms that the vectors have.
        private static func time(_ text: String) -> Timestamp {
            if let time = Timestamp(rfc3339: text) { return time }
            var text = text
            for offset in [13, 11] { text.insert(":", at: at(offset, text)) }
            for offset in [6, 4] { text.insert("-", at: at(offset, text)) }
            return Timestamp(rfc3339: text) ?? Timestamp(seconds: 0)
        }

        private static func at(_ offset: Int, _ text: String) -> String.Index {
            text.index(text.startIndex, offsetBy: offset)
        }
    }
}
