import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Jobs

@Suite("DKIMSigner (RFC 6376, RFC 8463)")
struct DKIMSignerTests {
    private static let message = MailMessage(
        from: "circles@example.org", senderName: "Circles", to: "ada@example.org",
        subject: "Your circle \u{201C}\(String(repeating: "Vinyl ", count: 30))\u{201D} in numbers",
        messageID: "summary.1@example.org", date: Date(timeIntervalSince1970: 1_795_426_200),
        text: "text\n", html: "<p>html</p>\n",
        images: [
            .init(contentID: "c@example.org", mediaType: "image/png", fileName: "a.png", bytes: [1])
        ],
        unsubscribe: .init(url: "https://api.example.org/u/x", mailto: "mailto:stop@example.org"))

    // MARK: Canonical forms: the examples of RFC 6376 §3.4.5

    @Test("headers and bodies are canonical as in the RFC's example")
    func canonicalizes() {
        #expect(DKIMSigner.relaxed(.init(name: "A", value: " X ")) == "a:X")
        #expect(DKIMSigner.relaxed(.init(name: "B ", value: " Y\t\r\n\tZ  ")).hasSuffix(":Y Z"))
        let body = DKIMSigner.relaxed(body: Array(" C \r\nD \t E\r\n\r\n\r\n".utf8))
        #expect(body == Array(" C\r\nD E\r\n".utf8))
        #expect(DKIMSigner.relaxed(body: []) == [])
        #expect(DKIMSigner.relaxed(body: Array("\r\n\r\n".utf8)) == [])
        #expect(DKIMSigner.relaxed(body: Array("a".utf8)) == Array("a\r\n".utf8))
    }

    // MARK: Verified by dkimpy

    @Test("dkimpy verifies the signature, and notices each change", arguments: ["rsa", "ed25519"])
    func verifies(kind: String) throws {
        let python = try #require(Self.python, "scripts/install-clients.sh installs dkimpy")
        let (pem, record) = try Self.key(kind)
        let signer = try DKIMSigner(domain: "example.org", selector: "mail", pem: pem)
        let bytes = try Self.message.bytes(signedBy: signer)
        #expect(try Self.verify(bytes, record, python) == "True")
        let text = String(decoding: bytes, as: UTF8.self)
        for (old, new) in [
            ("To: ada@", "To: eve@"), ("https://api.example.org", "https://api.example.com"),
            ("Date: Mon", "Date: Tue"), ("From: Circles", "From: Eve <e@f>\r\nFrom: Circles"),
            ("dGV4dAo=", "dGV4dAq="),
        ] {
            let changed = text.replacing(old, with: new, maxReplacements: 1)
            try #require(changed != text)
            #expect(try Self.verify(Array(changed.utf8), record, python) != "True", "\(new)")
        }
    }

    @Test(
        "what is no key is refused", arguments: ["", "key", "-----BEGIN PRIVATE KEY-----\n-----"])
    func refusesKeys(pem: String) {
        #expect(throws: DKIMSigner.Failure.self) {
            try DKIMSigner(domain: "example.org", selector: "mail", pem: pem)
        }
    }

    private static func key(_ kind: String) throws -> (pem: String, record: String) {
        if kind == "rsa" {
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            let der = key.publicKey.derRepresentation.base64EncodedString()
            return (key.pemRepresentation, "v=DKIM1; k=rsa; p=\(der)")
        }
        let key = Curve25519.Signing.PrivateKey()
        let prefix: [UInt8] = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22,
            0x04,
            0x20,
        ]
        let der = (Data(prefix) + key.rawRepresentation).base64EncodedString()
        let point = key.publicKey.rawRepresentation.base64EncodedString()
        return (
            "-----BEGIN PRIVATE KEY-----\n\(der)\n-----END PRIVATE KEY-----\n",
            "v=DKIM1; k=ed25519; p=\(point)"
        )
    }

    /// A Python that has dkimpy: that of `scripts/install-clients.sh`, or the system's.
    private static let python: String? = {
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let candidates = [
            checkout.appendingPathComponent(".build/clients/bin/python").path, "/usr/bin/python3",
        ]
        return candidates.first { path in
            (try? run(path, ["-c", "import dkim"], input: []))?.status == 0
        }
    }()

    private static func verify(
        _ message: [UInt8], _ record: String, _ python: String
    ) throws -> String {
        let script = """
            import sys, dkim
            record = sys.argv[1].encode()
            print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=lambda name, timeout=5: record))
            """
        return try run(python, ["-c", script, record], input: message).output
    }

    private static func run(
        _ program: String, _ arguments: [String], input: [UInt8]
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (
            process.terminationStatus,
            String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        )
    }
}
