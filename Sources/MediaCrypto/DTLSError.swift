/// Why a DTLS certificate or session cannot be made.
public enum DTLSError: Error, Equatable, Sendable {
    /// Outside `DTLSSession.datagramSizes`.
    case invalidDatagramSize
    /// OpenSSL failed, with its code: out of memory, or an algorithm is missing.
    case openSSL(OpenSSLErrorCode)
}
