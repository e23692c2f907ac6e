import Datagram
import Opus
import RTC

/// Why a swarm cannot do what it was asked.
public enum SwarmError: Error, Sendable {
    /// A socket or a descriptor could not be had.
    case system(DatagramError)
    case thread(errno: Int32)
    case encoder(OpusError)
    /// The system has no memory for a certificate.
    case certificate
    /// The server's answer is not one to the offer.
    case answer(String)
    /// A setting outside its range.
    case invalidSettings
    /// It has `MediaSwarm.peerCountMax` peers.
    case full
    /// ICE and DTLS did not succeed in time, or the server ended the transport.
    case notConnected
    case unknownPeer
    /// It was stopped.
    case stopped
}
