import Glibc

@testable import MediaCrypto

/// Two sessions and the datagrams between them, in order, in memory.
final class DTLSLink {
    let client: DTLSSession
    let server: DTLSSession
    /// Every datagram that either side handed over, dropped ones too.
    private(set) var sent: [(fromClient: Bool, bytes: [UInt8])] = []

    init(client: DTLSSession, server: DTLSSession) {
        self.client = client
        self.server = server
    }

    /// Two sessions that know each other's certificate.
    convenience init(
        clientCertificate: DTLSCertificate, serverCertificate: DTLSCertificate,
        clientProfiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMSHA1_80],
        serverProfiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMSHA1_80],
        maximumDatagramSize: Int = 1200
    ) throws {
        self.init(
            client: try DTLSSession(
                role: .client, certificate: clientCertificate,
                peerFingerprint: serverCertificate.fingerprint,
                maximumDatagramSize: maximumDatagramSize, profiles: clientProfiles),
            server: try DTLSSession(
                role: .server, certificate: serverCertificate,
                peerFingerprint: clientCertificate.fingerprint,
                maximumDatagramSize: maximumDatagramSize, profiles: serverProfiles))
    }

    /// Carries datagrams both ways until neither side has any. `deliver` gets the number of the
    /// datagram and its bytes, and says which datagrams arrive in its place.
    func exchange(_ deliver: (Int, [UInt8]) -> [[UInt8]] = { [$1] }) {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for fromClient in [true, false] {
                let from = fromClient ? client : server
                let to = fromClient ? server : client
                var batch: [[UInt8]] = []
                from.drain { batch.append(Array($0)) }
                for bytes in batch {
                    isQuiet = false
                    let number = sent.count
                    sent.append((fromClient, bytes))
                    for arriving in deliver(number, bytes) {
                        arriving.withUnsafeBytes { to.receive($0) }
                    }
                }
            }
        }
    }

    /// Until the earlier of the two timers has run out.
    ///
    /// The one place among the tests that sleeps: OpenSSL reads the system's clock for its timer
    /// and offers no other. It waits just as long as the session says.
    func waitForTimer() {
        let waits = [client.timeoutMicroseconds, server.timeoutMicroseconds].compactMap { $0 }
        if let wait = waits.min() { usleep(UInt32(wait) + 200) }
    }

    /// Shakes hands over a link that loses datagrams, waiting for retransmissions.
    func handshake(losing isLost: (Int) -> Bool, retransmissionsMax: Int = 8) {
        client.start()
        exchange { isLost($0) ? [] : [$1] }
        for _ in 0..<retransmissionsMax where !isConnected {
            waitForTimer()
            client.handleTimeout()
            server.handleTimeout()
            exchange { isLost($0) ? [] : [$1] }
        }
    }

    var isConnected: Bool {
        client.state == .connected && server.state == .connected
    }

    /// Each side's sending keys are the other's receiving keys.
    var keysAgree: Bool {
        guard let client = client.keyingMaterial, let server = server.keyingMaterial else {
            return false
        }
        return client.local == server.remote && client.remote == server.local
            && client.local != client.remote && client.profile == server.profile
    }
}
