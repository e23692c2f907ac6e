import Crypto
import CryptoExtras
import Foundation

/// Signs messages so that receivers know that the sender's domain stands by them.
/// Source: RFC 6376 (relaxed/relaxed), RFC 8301 (rsa-sha256 of 2048 bits or more), RFC 8463
/// (ed25519-sha256).
public struct DKIMSigner: Sendable {
    /// The key cannot be read.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private enum Key: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)

        var algorithm: String {
            switch self {
            case .rsa: "rsa-sha256"
            case .ed25519: "ed25519-sha256"
            }
        }
    }

    private let domain: String
    private let selector: String
    private let key: Key

    /// - Parameters:
    ///   - domain: whose key it is; that of the sender, or one above it.
    ///   - selector: the key's name: it is published at `selector._domainkey.domain`.
    ///   - pem: the private key: RSA (PKCS #1 or #8, 2048 bits at least) or Ed25519 (PKCS #8).
    /// - Throws: `Failure` when it is none of these.
    public init(domain: String, selector: String, pem: String) throws(Failure) {
        self.domain = domain
        self.selector = selector
        if let seed = Self.ed25519Seed(pem),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        {
            self.key = .ed25519(key)
            return
        }
        do {
            key = .rsa(try _RSA.Signing.PrivateKey(pemRepresentation: pem))
        } catch {
            throw Failure(
                description: "is no private key: RSA of 2048 bits or more, or Ed25519, as PEM")
        }
    }

    /// Whether a text may name a domain or a selector in the signature: labels of letters, digits
    /// and hyphens. Source: RFC 5321 §4.1.2.
    public static func isName(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy {
                        $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                            || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20
                    }
            }
    }

    /// The 32 bytes of an Ed25519 key in PKCS #8. Source: RFC 8410 §7.
    private static func ed25519Seed(_ pem: String) -> Data? {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.filter { $0 != " " } }
        guard lines.first == "-----BEGINPRIVATEKEY-----", lines.last == "-----ENDPRIVATEKEY-----",
            let der = Data(base64Encoded: lines.dropFirst().dropLast().joined())
        else { return nil }
        let prefix: [UInt8] = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22,
            0x04,
            0x20,
        ]
        guard der.count == 48, der.starts(with: prefix) else { return nil }
        return Data(der.suffix(32))
    }

    // MARK: Signing

    /// The field that goes before all others.
    ///
    /// - Throws: what the key throws.
    func signature(
        of fields: [MailMessage.Field], body: [UInt8], at date: Date
    ) throws -> MailMessage.Field {
        let bodyHash = Data(SHA256.hash(data: Self.relaxed(body: body))).base64EncodedString()
        // From stands once more than it is there, so that nobody can add another one (§8.15).
        let names = fields.map { $0.name.lowercased() } + ["from"]
        var field = MailMessage.Field(
            name: "DKIM-Signature",
            value: """
                v=1; a=\(key.algorithm); c=relaxed/relaxed; d=\(domain);\r
                 s=\(selector); t=\(Int(date.timeIntervalSince1970));\r
                 h=\(Self.folded(names));\r
                 bh=\(bodyHash);\r
                 b=
                """)
        let signed =
            fields.map { Self.relaxed($0) + "\r\n" }.joined() + Self.relaxed(field)
        let signature = try sign(Data(signed.utf8)).base64EncodedString()
        field.value += stride(from: 0, to: signature.count, by: 72).map { offset in
            String(signature.dropFirst(offset).prefix(72))
        }.joined(separator: "\r\n ")
        return field
    }

    private func sign(_ data: Data) throws -> Data {
        switch key {
        case .rsa(let key):
            return try key.signature(for: data, padding: .insecurePKCS1v1_5).rawRepresentation
        case .ed25519(let key):
            // RFC 8463 §3: what is signed is the hash.
            return try key.signature(for: Data(SHA256.hash(data: data)))
        }
    }

    private static func folded(_ names: [String]) -> String {
        stride(from: 0, to: names.count, by: 5).map { offset in
            names[offset..<min(offset + 5, names.count)].joined(separator: ":")
        }.joined(separator: ":\r\n  ")
    }

    // MARK: Canonical forms

    /// Source: RFC 6376 §3.4.2.
    static func relaxed(_ field: MailMessage.Field) -> String {
        let words = field.value.unicodeScalars.split { " \t\r\n".unicodeScalars.contains($0) }
        return field.name.lowercased() + ":" + words.map { String($0) }.joined(separator: " ")
    }

    /// Source: RFC 6376 §3.4.4.
    static func relaxed(body: [UInt8]) -> [UInt8] {
        var canonical: [UInt8] = []
        canonical.reserveCapacity(body.count)
        // Where the result ends without its last empty lines.
        var end = 0
        var hasSpace = false
        var index = 0
        while index < body.count {
            let byte = body[index]
            index += 1
            if byte == 0x20 || byte == 0x09 {
                hasSpace = true
            } else if byte == 0x0D, index < body.count, body[index] == 0x0A {
                // Spaces before the end of a line go.
                index += 1
                hasSpace = false
                canonical += [0x0D, 0x0A]
            } else {
                if hasSpace { canonical.append(0x20) }
                hasSpace = false
                canonical.append(byte)
                end = canonical.count
            }
        }
        canonical.removeSubrange(end...)
        return canonical.isEmpty ? [] : canonical + [0x0D, 0x0A]
    }
}
