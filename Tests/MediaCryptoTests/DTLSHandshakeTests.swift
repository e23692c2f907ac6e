import Testing

@testable import MediaCrypto

@Suite("DTLS-SRTP handshake (RFC 6347, RFC 5764, RFC 8122)")
struct DTLSHandshakeTests {
    let clientCertificate: DTLSCertificate
    let serverCertificate: DTLSCertificate

    init() throws {
        clientCertificate = try DTLSCertificate()
        serverCertificate = try DTLSCertificate()
    }

    func link(maximumDatagramSize: Int = 1200) throws -> DTLSLink {
        try DTLSLink(
            clientCertificate: clientCertificate, serverCertificate: serverCertificate,
            maximumDatagramSize: maximumDatagramSize)
    }

    @Test("both sides connect and hold each other's keys")
    func handshake() throws {
        let link = try link()
        #expect(link.client.state == .handshaking)
        #expect(link.client.keyingMaterial == nil)
        link.client.start()
        link.exchange()
        #expect(link.isConnected)
        #expect(link.keysAgree)
        #expect(link.client.keyingMaterial?.profile == .aeadAES128GCM)
        #expect(link.client.timeoutMicroseconds == nil)
        #expect(link.server.timeoutMicroseconds == nil)
    }

    @Test("the exported keys carry SRTP and SRTCP both ways", arguments: SRTPProfile.allCases)
    func carriesSRTP(profile: SRTPProfile) throws {
        let link = try DTLSLink(
            clientCertificate: clientCertificate, serverCertificate: serverCertificate,
            clientProfiles: [profile])
        link.client.start()
        link.exchange()
        let client = try #require(link.client.keyingMaterial)
        let server = try #require(link.server.keyingMaterial)
        #expect(client.profile == profile)
        for (sender, receiver) in [(client, server), (server, client)] {
            var protector = try SRTPProtector(sender.local)
            var unprotector = try SRTPUnprotector(receiver.remote)
            let packet = rtpPacket(sequence: 1, ssrc: 2)
            let sealed = protector.sealed(rtp: packet)
            let opened = unprotector.opened(rtp: sealed)
            #expect(opened.packet == packet)
        }
    }

    @Test("the server's order of profiles decides, not the client's")
    func serverPreference() throws {
        let link = try DTLSLink(
            clientCertificate: clientCertificate, serverCertificate: serverCertificate,
            clientProfiles: [.aes128CMSHA1_80, .aeadAES128GCM])
        link.client.start()
        link.exchange()
        #expect(link.server.keyingMaterial?.profile == .aeadAES128GCM)
        #expect(link.keysAgree)
    }

    @Test("without a profile in common neither side gets keys")
    func noSharedProfile() throws {
        let link = try DTLSLink(
            clientCertificate: clientCertificate, serverCertificate: serverCertificate,
            clientProfiles: [.aes128CMSHA1_80], serverProfiles: [.aeadAES128GCM])
        link.client.start()
        link.exchange()
        #expect(link.server.state == .closed(.noSharedProfile))
        #expect(link.client.keyingMaterial == nil)
        #expect(link.server.keyingMaterial == nil)
        #expect(link.client.state != .connected)
    }

    @Test("a client with another certificate is told bad_certificate and gets no keys")
    func wrongClientFingerprint() throws {
        let link = DTLSLink(
            client: try DTLSSession(
                role: .client, certificate: try DTLSCertificate(),
                peerFingerprint: serverCertificate.fingerprint),
            server: try DTLSSession(
                role: .server, certificate: serverCertificate,
                peerFingerprint: clientCertificate.fingerprint))
        link.client.start()
        link.exchange()
        #expect(link.server.state == .closed(.fingerprintMismatch))
        #expect(link.server.keyingMaterial == nil)
        #expect(link.client.keyingMaterial == nil)
        guard case .closed(.handshakeFailed(let code)) = link.client.state else {
            Issue.record("the client is \(link.client.state)")
            return
        }
        #expect(code.description.contains("bad certificate"))
    }

    @Test("a server with another certificate is told bad_certificate and gets no keys")
    func wrongServerFingerprint() throws {
        let link = DTLSLink(
            client: try DTLSSession(
                role: .client, certificate: clientCertificate,
                peerFingerprint: try DTLSCertificate().fingerprint),
            server: try DTLSSession(
                role: .server, certificate: serverCertificate,
                peerFingerprint: clientCertificate.fingerprint))
        link.client.start()
        link.exchange()
        #expect(link.client.state == .closed(.fingerprintMismatch))
        #expect(link.server.keyingMaterial == nil)
        #expect(link.client.keyingMaterial == nil)
        guard case .closed(.handshakeFailed(let code)) = link.server.state else {
            Issue.record("the server is \(link.server.state)")
            return
        }
        #expect(code.description.contains("bad certificate"))
    }

    @Test("a fingerprint of the right bytes under another function does not match")
    func otherFunction() throws {
        let bytes = [UInt8](clientCertificate.fingerprint.bytes.prefix(20))
        let cut = try #require(CertificateFingerprint(hashFunction: .sha1, bytes: bytes))
        let link = DTLSLink(
            client: try DTLSSession(
                role: .client, certificate: clientCertificate,
                peerFingerprint: serverCertificate.fingerprint),
            server: try DTLSSession(
                role: .server, certificate: serverCertificate, peerFingerprint: cut))
        link.client.start()
        link.exchange()
        #expect(link.server.state == .closed(.fingerprintMismatch))
    }

    @Test("an RSA certificate is accepted on either side", arguments: [true, false])
    func rsa(isClientRSA: Bool) throws {
        let rsa = try DTLSCertificate(key: .rsa2048)
        let link = try DTLSLink(
            clientCertificate: isClientRSA ? rsa : clientCertificate,
            serverCertificate: isClientRSA ? serverCertificate : rsa)
        link.client.start()
        link.exchange()
        #expect(link.isConnected)
        #expect(link.keysAgree)
    }

    // Every size, because what fits into a datagram beside what changes with each byte.
    @Test("no datagram is larger than the limit, and the flights fit it", arguments: [false, true])
    func datagramSize(isClientRSA: Bool) throws {
        let client = isClientRSA ? try DTLSCertificate(key: .rsa2048) : clientCertificate
        let sizes =
            isClientRSA ? stride(from: 1000, to: 1500, by: 9) : stride(from: 288, to: 700, by: 5)
        for limit in sizes {
            let link = try DTLSLink(
                clientCertificate: client, serverCertificate: serverCertificate,
                maximumDatagramSize: limit)
            link.client.start()
            link.exchange()
            #expect(link.keysAgree, "limit \(limit)")
            link.client.close()
            link.exchange()
            #expect(link.server.state == .closed(.closeNotify), "limit \(limit)")
            #expect(link.sent.allSatisfy { $0.bytes.count <= limit }, "limit \(limit)")
        }
    }

    @Test("limits that no handshake fits are refused", arguments: [-1, 0, 287, 16385])
    func badDatagramSize(limit: Int) throws {
        #expect(throws: DTLSError.invalidDatagramSize) {
            _ = try DTLSSession(
                role: .client, certificate: clientCertificate,
                peerFingerprint: serverCertificate.fingerprint, maximumDatagramSize: limit)
        }
    }

    @Test("a session outlives its certificate object")
    func certificateReleased() throws {
        let link = try DTLSLink(
            clientCertificate: try DTLSCertificate(), serverCertificate: try DTLSCertificate())
        link.client.start()
        link.exchange()
        #expect(link.keysAgree)
    }

    @Test("sessions on many tasks share one certificate")
    func concurrentSessions() async throws {
        let certificate = serverCertificate
        let connected = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var count = 0
                    for _ in 0..<10 {
                        let link = try DTLSLink(
                            clientCertificate: certificate, serverCertificate: certificate)
                        link.client.start()
                        link.exchange()
                        if link.keysAgree { count += 1 }
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(connected == 40)
    }
}
