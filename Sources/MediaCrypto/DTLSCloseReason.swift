/// Why a DTLS session ended.
public enum DTLSCloseReason: Equatable, Sendable {
    /// The peer sent close_notify.
    case closeNotify
    /// `close()` was called.
    case closedLocally
    /// The peer's certificate is not the one that its SDP announced (RFC 8122 §6.2).
    case fingerprintMismatch
    /// The handshake ended without an SRTP profile in common (RFC 5764 §4.1).
    case noSharedProfile
    /// The peer was silent through all retransmissions, some 9 seconds.
    case handshakeTimedOut
    /// The handshake broke, by an alert of either side.
    case handshakeFailed(OpenSSLErrorCode)
    /// The established session broke, by an alert of either side.
    case failed(OpenSSLErrorCode)
}
