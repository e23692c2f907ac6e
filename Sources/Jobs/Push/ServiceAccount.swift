import Crypto
import CryptoExtras
import Domain
import Foundation

/// A service account of Google, from its JSON key file as the console hands it out.
public struct ServiceAccount: Sendable {
    /// Why a key file cannot be used.
    public enum Failure: Error, Sendable, Equatable {
        /// Not the JSON of a service account with `client_email`, `private_key` and `token_uri`.
        case badKeyFile
        /// The private key is no RSA key of 2048 bits or more in PEM.
        case badPrivateKey
        /// `token_uri` is neither `https` nor on this machine.
        case badTokenURL
        /// Neither the file nor the settings name the Firebase project.
        case noProject
    }

    /// What an access token for FCM may do.
    static let scope = "https://www.googleapis.com/auth/firebase.messaging"
    /// The longest that Google accepts, seconds.
    static let assertionSecondsMax: Int64 = 3600

    /// The Firebase project that messages are sent in.
    public let projectID: String
    /// Where assertions are exchanged for access tokens.
    let tokenURL: String
    private let clientEmail: String
    private let keyID: String?
    private let key: _RSA.Signing.PrivateKey

    private struct KeyFile: Decodable {
        let project_id: String?
        let private_key_id: String?
        let private_key: String
        let client_email: String
        let token_uri: String
    }

    /// - Parameters:
    ///   - keyFile: the file's bytes.
    ///   - projectID: another project than the file's, if any.
    public init(keyFile: [UInt8], projectID: String? = nil) throws(Failure) {
        // What is wrong with the JSON does not matter: the file is replaced as a whole.
        guard let file = try? JSONDecoder().decode(KeyFile.self, from: Data(keyFile)),
            !file.client_email.isEmpty
        else { throw .badKeyFile }
        guard let key = try? _RSA.Signing.PrivateKey(pemRepresentation: file.private_key)
        else { throw .badPrivateKey }
        guard FCMClient.isURL(file.token_uri) else { throw .badTokenURL }
        guard let project = projectID ?? file.project_id, Self.isProjectID(project) else {
            throw .noProject
        }
        self.projectID = project
        self.key = key
        tokenURL = file.token_uri
        clientEmail = file.client_email
        keyID = file.private_key_id
    }

    /// Whether a project may be called so; it goes into a path.
    public static func isProjectID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 58
                    || byte == 46
            }
    }

    private struct Header: Encodable {
        let alg = "RS256"
        let typ = "JWT"
        let kid: String?
    }

    private struct Claims: Encodable {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64
    }

    /// The signed JWT that asks for an access token. Source: RFC 7523 §2.1, RFC 7515, RFC 7518 §3.3;
    /// Google, "Using OAuth 2.0 for Server to Server Applications".
    func assertion(at now: Timestamp) throws -> String {
        let issuedAt = now.microseconds / 1_000_000
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let claims = Claims(
            iss: clientEmail, scope: Self.scope, aud: tokenURL, iat: issuedAt,
            exp: issuedAt + Self.assertionSecondsMax)
        let signed =
            base64URL(try encoder.encode(Header(kid: keyID))) + "."
            + base64URL(try encoder.encode(claims))
        let signature = try key.signature(
            for: SHA256.hash(data: Data(signed.utf8)), padding: .insecurePKCS1v1_5)
        return signed + "." + base64URL(signature.rawRepresentation)
    }

    /// Source: RFC 4648 §5, without padding.
    private func base64URL(_ data: Data) -> String {
        data.base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}
