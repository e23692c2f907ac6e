import Glibc

/// Calls `body` with a null-terminated array of C strings that lives for the call.
func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    var pointers: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}

/// Calls `body` with the binds laid out as libpq takes them: values, lengths, formats (all
/// binary).
func withParameters<Result>(
    _ binds: [Bind],
    _ body: (
        UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
    ) -> Result
) -> Result {
    guard !binds.isEmpty else { return body(nil, nil, nil) }
    // One buffer for all values; offsets stay valid because it no longer grows.
    var storage: [UInt8] = []
    storage.reserveCapacity(binds.reduce(1) { $0 + ($1.bytes?.count ?? 0) })
    var lengths: [Int32] = []
    var offsets: [Int?] = []
    for bind in binds {
        offsets.append(bind.bytes == nil ? nil : storage.count)
        lengths.append(Int32(bind.bytes?.count ?? 0))
        if let bytes = bind.bytes { storage.append(contentsOf: bytes) }
    }
    storage.append(0)
    let formats = [Int32](repeating: 1, count: binds.count)
    return storage.withUnsafeBytes { raw in
        let base = raw.baseAddress!.assumingMemoryBound(to: CChar.self)  // never empty: ends in 0
        let values: [UnsafePointer<CChar>?] = offsets.map { offset in offset.map { base + $0 } }
        return values.withUnsafeBufferPointer { values in
            lengths.withUnsafeBufferPointer { lengths in
                formats.withUnsafeBufferPointer { formats in
                    body(values.baseAddress, lengths.baseAddress, formats.baseAddress)
                }
            }
        }
    }
}

/// Whether the descriptor became readable (or broke) within the time; a wake-up ends the wait.
func waitReadable(_ descriptor: Int32, or wakeUp: WakeUp?, milliseconds: Int) -> Bool {
    guard descriptor >= 0 else { return false }
    // poll passes over negative descriptors.
    var polled = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wakeUp?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&polled, 2, Int32(clamping: milliseconds)) > 0 else { return false }
    wakeUp?.clear()
    return polled[0].revents != 0
}

/// The text without white space at its ends.
func trimmed(_ text: String) -> String {
    var view = Substring(text)
    while view.last?.isWhitespace == true { view.removeLast() }
    while view.first?.isWhitespace == true { view.removeFirst() }
    return String(view)
}

/// The first words of a statement, to name it in an error.
func summary(of statement: String) -> String {
    String(trimmed(statement).prefix(60)).split(whereSeparator: \.isWhitespace)
        .joined(separator: " ")
}
