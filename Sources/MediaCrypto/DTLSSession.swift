internal import COpenSSL

/// DTLS 1.2 over memory: datagrams in, datagrams out, and the SRTP keys once both sides have
/// proven their certificates.
///
/// One owner at a time; many sessions on many threads may share a certificate. Its retransmission
/// timer runs on OpenSSL's own clock, from 50 ms doubling up to 1 s.
/// Source: RFC 6347, RFC 5764, RFC 8842.
public final class DTLSSession {
    public enum Role: Sendable { case client, server }

    /// handshaking → connected → closed, or handshaking → closed. Closed is final.
    public enum State: Equatable, Sendable {
        case handshaking
        case connected
        case closed(DTLSCloseReason)
    }

    /// What `maximumDatagramSize` may be, in bytes of UDP payload.
    public static let datagramSizes = 288...16384

    public let role: Role
    public private(set) var state: State = .handshaking
    /// The keys, from `connected` on; nil before, and for good when the peer failed a check.
    public private(set) var keyingMaterial: SRTPKeyingMaterial?

    // Owned. It holds references of its own on what it needs of the certificate.
    private let handle: OpaquePointer

    /// A session that accepts only a peer whose certificate has `peerFingerprint`.
    /// Throws: `invalidDatagramSize`, `openSSL`.
    public convenience init(
        role: Role, certificate: DTLSCertificate, peerFingerprint: CertificateFingerprint,
        maximumDatagramSize: Int = 1200
    ) throws(DTLSError) {
        try self.init(
            role: role, certificate: certificate, peerFingerprint: peerFingerprint,
            maximumDatagramSize: maximumDatagramSize,
            profiles: [.aeadAES128GCM, .aes128CMSHA1_80])
    }

    /// `profiles`, best first: as server OpenSSL takes the first of ours that the client offers.
    init(
        role: Role, certificate: DTLSCertificate, peerFingerprint: CertificateFingerprint,
        maximumDatagramSize: Int = 1200, profiles: [SRTPProfile]
    ) throws(DTLSError) {
        guard Self.datagramSizes.contains(maximumDatagramSize) else { throw .invalidDatagramSize }
        var code: UInt = 0
        let names = profiles.map(Self.openSSLName).joined(separator: ":")
        guard
            let handle = circles_dtls_new(
                certificate.handle, role == .server ? 1 : 0, names, maximumDatagramSize,
                Self.digestBits(peerFingerprint.hashFunction), peerFingerprint.bytes,
                peerFingerprint.bytes.count, &code)
        else { throw .openSSL(OpenSSLErrorCode(code)) }
        self.role = role
        self.handle = handle
    }

    deinit {
        circles_dtls_free(handle)
    }

    /// The client's first flight; nothing for the server, which waits for it.
    public func start() {
        guard role == .client, state == .handshaking else { return }
        var code: UInt = 0
        apply(circles_dtls_advance(handle, nil, 0, &code), code)
    }

    /// Feeds one datagram: handshake, alert, or a flight that the peer repeats. What is malformed
    /// or not authentic is dropped.
    public func receive(_ datagram: UnsafeRawBufferPointer) {
        guard !isClosed, !datagram.isEmpty else { return }
        var code: UInt = 0
        apply(circles_dtls_advance(handle, datagram.baseAddress, datagram.count, &code), code)
    }

    /// Hands over, in order, the datagrams to be sent, each at most `maximumDatagramSize` bytes
    /// and valid only within `body`. To be called after each of the other calls.
    public func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        var length = 0
        while let bytes = circles_dtls_outgoing(handle, &length) {
            body(UnsafeRawBufferPointer(start: bytes, count: length))
            circles_dtls_pop_outgoing(handle)
        }
    }

    /// Microseconds until the retransmission timer runs out, 0 when it has; nil when none runs.
    public var timeoutMicroseconds: Int64? {
        guard !isClosed else { return nil }
        let microseconds = circles_dtls_timeout_microseconds(handle)
        return microseconds < 0 ? nil : microseconds
    }

    /// Sends the last flight again if its timer has run out; else nothing.
    public func handleTimeout() {
        guard !isClosed else { return }
        var code: UInt = 0
        apply(circles_dtls_handle_timeout(handle, &code), code)
    }

    /// Ends the session. A connected peer is told by close_notify.
    public func close() {
        guard !isClosed else { return }
        circles_dtls_shutdown(handle)
        state = .closed(.closedLocally)
    }

    private var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    private func apply(_ status: circles_dtls_status, _ code: UInt) {
        let error = OpenSSLErrorCode(code)
        switch status {
        case CIRCLES_DTLS_HANDSHAKING:
            break
        case CIRCLES_DTLS_CONNECTED:
            if state == .handshaking { connect() }
        case CIRCLES_DTLS_CLOSED_BY_PEER:
            // The peer may say goodbye in the very datagram that ended the handshake.
            circles_dtls_shutdown(handle)
            state = .closed(.closeNotify)
        case CIRCLES_DTLS_FINGERPRINT_MISMATCH:
            state = .closed(.fingerprintMismatch)
        case CIRCLES_DTLS_TIMED_OUT:
            state = .closed(.handshakeTimedOut)
        default:
            state = .closed(state == .handshaking ? .handshakeFailed(error) : .failed(error))
        }
    }

    private func connect() {
        guard let profile = SRTPProfile(rawValue: circles_dtls_srtp_profile(handle)) else {
            circles_dtls_shutdown(handle)
            state = .closed(.noSharedProfile)
            return
        }
        var exported = [UInt8](repeating: 0, count: SRTPKeyingMaterial.byteCount(profile))
        guard circles_dtls_export_srtp(handle, &exported, exported.count) == 0,
            let keys = SRTPKeyingMaterial(
                exported: exported, profile: profile, isClient: role == .client)
        else {
            circles_dtls_shutdown(handle)
            state = .closed(.handshakeFailed(OpenSSLErrorCode(0)))
            return
        }
        keyingMaterial = keys
        state = .connected
    }

    private static func openSSLName(_ profile: SRTPProfile) -> String {
        switch profile {
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        case .aes128CMSHA1_80: "SRTP_AES128_CM_SHA1_80"
        }
    }

    private static func digestBits(_ function: CertificateFingerprint.HashFunction) -> Int32 {
        switch function {
        case .sha1: 1
        case .sha224: 224
        case .sha256: 256
        case .sha384: 384
        case .sha512: 512
        }
    }
}
