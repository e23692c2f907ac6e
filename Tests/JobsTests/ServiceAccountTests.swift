import CryptoExtras
import Domain
import Foundation
import Testing

@testable import Jobs

@Suite("Service accounts and their assertions (RFC 7523)")
struct ServiceAccountTests {
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    private static let now = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!  // well-formed

    private func keyFile(_ changes: [String: String?] = [:]) throws -> [UInt8] {
        var fields: [String: String] = [
            "type": "service_account", "project_id": "mixer-1", "private_key_id": "k1",
            "private_key": try Self.key.get().pemRepresentation,
            "client_email": "push@mixer-1.iam.gserviceaccount.com", "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        ]
        for (name, value) in changes { fields[name] = value }
        return Array(try JSONEncoder().encode(fields))
    }

    private func decoded(_ part: Substring) throws -> Data {
        let text = part.replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        return try #require(
            Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)))
    }

    @Test("an assertion has the claims that Google asks for and a signature of the key")
    func signs() throws {
        let account = try ServiceAccount(keyFile: try keyFile())
        let parts = try account.assertion(at: Self.now).split(separator: ".")
        try #require(parts.count == 3)
        #expect(
            String(decoding: try decoded(parts[0]), as: UTF8.self)
                == #"{"alg":"RS256","kid":"k1","typ":"JWT"}"#)
        #expect(
            String(decoding: try decoded(parts[1]), as: UTF8.self) == """
                {"aud":"https://oauth2.googleapis.com/token","exp":1795460400,"iat":1795456800,\
                "iss":"push@mixer-1.iam.gserviceaccount.com",\
                "scope":"https://www.googleapis.com/auth/firebase.messaging"}
                """)
        let key = try Self.key.get().publicKey
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try decoded(parts[2]))
        let signed = Data("\(parts[0]).\(parts[1])".utf8)
        #expect(key.isValidSignature(signature, for: signed, padding: .insecurePKCS1v1_5))
        let other = Data("\(parts[0]).\(parts[1])x".utf8)
        #expect(!key.isValidSignature(signature, for: other, padding: .insecurePKCS1v1_5))
    }

    @Test("the project is the file's unless another one is named")
    func findsProject() throws {
        #expect(try ServiceAccount(keyFile: try keyFile()).projectID == "mixer-1")
        let other = try ServiceAccount(keyFile: try keyFile(), projectID: "mixer-2")
        #expect(other.projectID == "mixer-2")
    }

    @Test("a file that is none is refused, and why")
    func refuses() throws {
        func failure(_ bytes: [UInt8], project: String? = nil) -> ServiceAccount.Failure? {
            #expect(throws: ServiceAccount.Failure.self) {
                try ServiceAccount(keyFile: bytes, projectID: project)
            }
        }
        #expect(failure([]) == .badKeyFile)
        #expect(failure(Array("[]".utf8)) == .badKeyFile)
        #expect(failure(try keyFile(["client_email": ""])) == .badKeyFile)
        #expect(failure(try keyFile(["private_key": nil])) == .badKeyFile)
        #expect(failure(try keyFile(["private_key": "-----BEGIN"])) == .badPrivateKey)
        for url in ["http://oauth2.googleapis.com/token", "file:///etc/passwd", "https://", ""] {
            #expect(failure(try keyFile(["token_uri": url])) == .badTokenURL)
        }
        #expect(failure(try keyFile(["project_id": nil])) == .noProject)
        #expect(failure(try keyFile(), project: "../x") == .noProject)
    }
}
