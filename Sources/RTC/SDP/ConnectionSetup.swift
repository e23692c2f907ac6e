/// Which side opens the DTLS association.
///
/// Source: RFC 4145 §4, RFC 8842 §5.
public enum ConnectionSetup: String, Sendable, Hashable, CaseIterable {
    /// Either; for offers.
    case actpass
    /// The writer is the DTLS client.
    case active
    /// The writer is the DTLS server.
    case passive
    case holdconn
}
