/// Why a direction of SRTP cannot be set up.
public enum SRTPError: Error, Equatable, Sendable {
    /// The key or the salt has not the length that the profile asks for.
    case wrongKeyLength
    /// OpenSSL could not make a context: it is out of memory or lacks the algorithm.
    case cipherUnavailable
}
