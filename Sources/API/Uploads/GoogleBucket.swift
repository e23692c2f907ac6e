import CryptoExtras
import Domain
import Foundation

/// A bucket of Google Cloud Storage, and the service account that signs uploads into it.
public struct GoogleBucket: Sendable {
    /// Why a bucket cannot be used.
    public enum Failure: Error, Sendable, Equatable {
        /// 3 to 222 of `a–z`, `0–9`, `-`, `_` and `.`.
        case badName
        /// Not the JSON of a service account with its `client_email` and `private_key`.
        case badKeyFile
        /// The private key is no RSA key of 2048 bits or more in PEM.
        case badPrivateKey
    }

    let name: String
    private let clientEmail: String
    private let key: _RSA.Signing.PrivateKey

    private struct ServiceAccount: Decodable {
        let client_email: String
        let private_key: String
    }

    /// - Parameters:
    ///   - keyFile: the bytes of the service account's JSON key file.
    /// - Throws: `Failure`.
    public init(name: String, keyFile: [UInt8]) throws(Failure) {
        guard Self.isName(name) else { throw .badName }
        guard let account = try? JSONDecoder().decode(ServiceAccount.self, from: Data(keyFile)),
            !account.client_email.isEmpty
        else { throw .badKeyFile }
        guard let key = try? _RSA.Signing.PrivateKey(pemRepresentation: account.private_key)
        else { throw .badPrivateKey }
        self.name = name
        clientEmail = account.client_email
        self.key = key
    }

    /// Whether a bucket may be called so. Source: Cloud Storage, "Bucket naming guidelines".
    public static func isName(_ text: String) -> Bool {
        (3...222).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte)
                    || [45, 46, 95].contains(byte)
            }
    }

    /// What lets a client put one cover into the bucket.
    func ticket(
        for cover: CoverName, byteCount: Int, now: Timestamp, lifetimeSeconds: Int
    ) throws -> UploadTicket {
        // The bucket itself holds the client to the type and the length, and refuses to replace
        // an object: generation 0 is one that is not there.
        let headers = [
            (name: "Content-Type", value: cover.type.rawValue),
            (name: "X-Goog-Content-Length-Range", value: "\(byteCount),\(byteCount)"),
            (name: "X-Goog-If-Generation-Match", value: "0"),
        ]
        let object = "covers/\(cover)"
        let request = GoogleSignedURL(
            method: "PUT", bucket: name, object: object, headers: headers,
            expiresSeconds: lifetimeSeconds, signedAt: now, clientEmail: clientEmail)
        return UploadTicket(
            uploadUrl: request.url(signature: try signature(of: request.stringToSign)),
            headers: Dictionary(headers.map { ($0.name, $0.value) }) { first, _ in first },
            coverUrl: "https://storage.googleapis.com/\(name)/\(object)",
            expiresAt: Timestamp(
                seconds: now.microseconds / 1_000_000 + Int64(lifetimeSeconds)))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256. Source: RFC 8017 §8.2.
    func signature(of text: String) throws -> Data {
        try key.signature(for: Data(text.utf8), padding: .insecurePKCS1v1_5).rawRepresentation
    }
}
