internal import COpenSSL

/// Fills `bytes` from OpenSSL's generator, fit for keys.
public func randomBytes(into bytes: UnsafeMutableRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let status = circles_random_bytes(start, bytes.count)
    // Without it no key, password or session name would be safe: there is no going on.
    precondition(status == 0, "the kernel seeds OpenSSL's generator")
}

/// 64 bits that nobody can foretell.
public func secureRandomUInt64() -> UInt64 {
    var number: UInt64 = 0
    withUnsafeMutableBytes(of: &number) { randomBytes(into: $0) }
    return number
}
