internal import COpenSSL

/// HMAC-SHA1 of `data`: 20 bytes at `digest`. For STUN's MESSAGE-INTEGRITY.
/// Source: RFC 2104, RFC 8489 §14.5. Cost: no allocation.
public func hmacSHA1(
    key: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer,
    into digest: UnsafeMutablePointer<UInt8>
) {
    hmacSHA1(
        key: key, parts: data, UnsafeRawBufferPointer(start: nil, count: 0), into: digest)
}

/// HMAC-SHA1 of `first` followed by `second`: 20 bytes at `digest`. Cost: no allocation.
public func hmacSHA1(
    key: UnsafeRawBufferPointer, parts first: UnsafeRawBufferPointer,
    _ second: UnsafeRawBufferPointer, into digest: UnsafeMutablePointer<UInt8>
) {
    circles_hmac_sha1_once(
        key.baseAddress, key.count, first.baseAddress, first.count, second.baseAddress,
        second.count, digest)
}
