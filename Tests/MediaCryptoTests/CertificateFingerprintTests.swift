import Testing

@testable import MediaCrypto

@Suite("Certificate fingerprints (RFC 8122 §5)")
struct CertificateFingerprintTests {
    @Test("the RFC's example is read and written")
    func example() throws {
        let text = "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB"
        let fingerprint = try #require(CertificateFingerprint(sdp: text))
        #expect(fingerprint.hashFunction == .sha1)
        #expect(fingerprint.bytes == hex("4AADB9B13F82183B540212DF3E5D496B19E57CAB"))
        #expect(fingerprint.sdp == text)
        let lower = "SHA-1 4a:ad:b9:b1:3f:82:18:3b:54:02:12:df:3e:5d:49:6b:19:e5:7c:ab"
        #expect(CertificateFingerprint(sdp: lower) == fingerprint)
    }

    @Test(
        "every function round-trips and wants the length of its digest",
        arguments: CertificateFingerprint.HashFunction.allCases)
    func functions(function: CertificateFingerprint.HashFunction) throws {
        let bytes = (0..<function.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let fingerprint = try #require(
            CertificateFingerprint(hashFunction: function, bytes: bytes))
        #expect(CertificateFingerprint(sdp: fingerprint.sdp) == fingerprint)
        #expect(CertificateFingerprint(sdp: String(fingerprint.sdp.dropLast(3))) == nil)
        #expect(CertificateFingerprint(sdp: fingerprint.sdp + ":00") == nil)
        #expect(CertificateFingerprint(hashFunction: function, bytes: [1]) == nil)
    }

    @Test(
        "what the grammar does not allow is refused",
        arguments: [
            "", "sha-1", "sha-1 ", " sha-1 4A", "md5 4A:AD", "sha-1  4A:AD",
            "sha-1 4AADB9B13F82183B540212DF3E5D496B19E57CAB",
            "sha-1 4A-AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
            "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AG",
            "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:A",
            "sha-1 4:AAD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
            "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB ",
            "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
        ])
    func refused(text: String) {
        #expect(CertificateFingerprint(sdp: text) == nil)
    }

    @Test("each certificate has a SHA-256 fingerprint of its own")
    func certificates() throws {
        let first = try DTLSCertificate()
        let second = try DTLSCertificate()
        #expect(first.fingerprint.hashFunction == .sha256)
        #expect(first.fingerprint != second.fingerprint)
    }
}
