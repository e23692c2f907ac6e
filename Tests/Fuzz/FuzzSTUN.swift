import RTC

private let key = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)

/// Any bytes are a STUN message or refused; what is read lies within them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSTUN(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    guard let message = try? STUNMessage(parsing: bytes) else { return 0 }
    if let username = message.username {
        precondition(username.upperBound <= count, "a username lies within its message")
    }
    _ = key.withUnsafeBytes { message.hasValidIntegrity(in: bytes, key: $0) }
    return 0
}
