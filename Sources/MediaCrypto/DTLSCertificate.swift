internal import COpenSSL

/// A self-signed ECDSA P-256 certificate for DTLS, from a day before its making until 30 days
/// after. Peers know it by its fingerprint alone. Source: RFC 8827 §6.5.
public final class DTLSCertificate: Sendable {
    enum Key { case ecdsaP256, rsa2048 }

    // The handle is set once, in init, and never changed. The C library's own objects behind it
    // (certificate, key and SSL_CTX) are only read from then on, and their reference counts are
    // atomic: any thread may start sessions from it.
    nonisolated(unsafe) let handle: OpaquePointer

    /// SHA-256, for the SDP.
    public let fingerprint: CertificateFingerprint

    /// Makes a key and a certificate. Throws: `openSSL`.
    public convenience init() throws(DTLSError) {
        try self.init(key: .ecdsaP256)
    }

    init(key: Key) throws(DTLSError) {
        var code: UInt = 0
        guard let handle = circles_certificate_new(key == .rsa2048 ? 2048 : 0, &code) else {
            throw .openSSL(OpenSSLErrorCode(code))
        }
        var digest = [UInt8](repeating: 0, count: 32)
        guard circles_certificate_sha256(handle, &digest) == 0,
            let fingerprint = CertificateFingerprint(hashFunction: .sha256, bytes: digest)
        else {
            circles_certificate_free(handle)
            throw .openSSL(OpenSSLErrorCode(0))
        }
        self.handle = handle
        self.fingerprint = fingerprint
    }

    deinit {
        circles_certificate_free(handle)
    }
}
