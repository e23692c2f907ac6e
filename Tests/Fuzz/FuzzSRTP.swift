import MediaCrypto

/// Both profiles, RTP and RTCP: any bytes are refused, and a packet of ours is read as it was
/// unless a byte of it was changed. The first four bytes of the input choose.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSRTP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, (5...1200).contains(count) else { return 0 }
    let profile: SRTPProfile = start[0] & 1 == 0 ? .aeadAES128GCM : .aes128CMSHA1_80
    let key = SRTPMasterKey(
        profile: profile, key: Array(0..<16), salt: Array(0..<(profile == .aeadAES128GCM ? 12 : 14))
    )
    guard var protector = try? SRTPProtector(key), var unprotector = try? SRTPUnprotector(key)
    else { preconditionFailure("the key is one of the profile") }
    let isRTP = start[0] & 2 == 0
    let payloadCount = count - 4
    var packet = Array(UnsafeBufferPointer(start: start + 4, count: payloadCount))
    let plain = packet
    packet += [UInt8](repeating: 0, count: SRTPProtector.overheadMax)
    let result = packet.withUnsafeMutableBufferPointer { buffer -> SRTPResult? in
        guard let bytes = buffer.baseAddress else { return nil }
        if start[0] & 4 == 0 {
            return unprotect(bytes, length: payloadCount, isRTP: isRTP, with: &unprotector)
        }
        guard payloadCount >= (isRTP ? 12 : 8) else { return nil }
        let length =
            isRTP
            ? protector.protectRTP(
                bytes, headerLength: 12, length: payloadCount, rolloverCounter: 0)
            : protector.protectRTCP(bytes, length: payloadCount)
        precondition(length > payloadCount, "a packet of ours can be protected")
        let index = (Int(start[1]) << 8 | Int(start[2])) % length
        bytes[index] ^= start[3]
        return unprotect(bytes, length: length, isRTP: isRTP, with: &unprotector)
    }
    let wasChanged = start[3] != 0
    if case .ok(let length, _)? = result {
        precondition(start[0] & 4 != 0 && !wasChanged, "what is not ours is not authentic")
        precondition(length == payloadCount && plain.elementsEqual(packet.prefix(length)))
    } else {
        let isOurs = start[0] & 4 != 0 && !wasChanged && payloadCount >= (isRTP ? 12 : 8)
        precondition(!isOurs, "what is ours is authentic")
    }
    return 0
}

private func unprotect(
    _ bytes: UnsafeMutablePointer<UInt8>, length: Int, isRTP: Bool,
    with unprotector: inout SRTPUnprotector
) -> SRTPResult {
    isRTP
        ? unprotector.unprotectRTP(bytes, headerLength: 12, length: length)
        : unprotector.unprotectRTCP(bytes, length: length)
}
