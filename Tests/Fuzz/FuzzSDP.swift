import MediaCrypto
import RTC

private let negotiation: AudioNegotiation? = CertificateFingerprint(
    hashFunction: .sha256, bytes: Array(0..<32)
).map { fingerprint in
    AudioNegotiation(
        policy: NegotiationPolicy(maySend: true),
        local: LocalTransport(
            credentials: ICECredentials(ufrag: "srvUfrag", password: "srvPasswordOf24Character"),
            fingerprint: fingerprint,
            candidates: [ICECandidate(host: "198.51.100.7", port: 5000)], cname: "circles",
            sessionID: 1))
}

/// Any bytes are a description or refused; what is read reads the same when it is written, and
/// so does the answer to it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSDP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let fragment = try? SDPFragment(parsing: bytes) {
        let again = try? SDPFragment(parsing: Array(fragment.text.utf8))
        // Written line ends can make a text of just under 64 KiB too long.
        precondition(again == fragment || count > 32_768, "a fragment reads as it is written")
    }
    guard let session = try? SessionDescription(parsing: bytes) else { return 0 }
    let again = try? SessionDescription(parsing: session.text)
    precondition(again == session || count > 4096, "a description reads as it is written")
    guard let agreed = try? negotiation?.answer(to: session, newSSRC: { 7 }) else { return 0 }
    let answer = try? SessionDescription(parsing: agreed.answer.text)
    precondition(answer == agreed.answer || count > 4096, "an answer reads as it is written")
    return 0
}
