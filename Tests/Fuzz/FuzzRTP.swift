import RTC

/// Any bytes are an RTP packet or refused; what is read lies within them, and its numbers can be
/// counted.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRTP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    _ = PacketKind(bytes)
    if let header = try? RTPHeader(parsing: bytes) {
        precondition(header.length <= count, "a header lies within its packet")
        for id in 0...UInt8.max {
            if let element = header.extensionElement(id: id, in: bytes) {
                precondition(element.upperBound <= header.length, "an element is in the header")
            }
            _ = header.audioLevel(id: id, in: bytes)
        }
        if let padding = try? header.paddingLength(in: bytes) {
            precondition(header.length + padding <= count, "padding is part of the payload")
        }
    }
    if let red = try? REDPayload.primary(in: bytes) {
        precondition(red.range.upperBound == count, "the newest frame ends the payload")
    }
    countPackets(bytes)
    return 0
}

/// Each nine bytes are a packet: sequence number, timestamp, delay in ms, marker.
private func countPackets(_ bytes: UnsafeRawBufferPointer) {
    var statistics = ReceptionStatistics()
    var arrival = MonotonicTime(nanoseconds: 0)
    var offset = 0
    while offset + 9 <= bytes.count {
        let sequenceNumber = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
        var timestamp: UInt32 = 0
        for index in 2..<6 { timestamp = timestamp << 8 | UInt32(bytes[offset + index]) }
        let delay = Int64(bytes[offset + 6]) << 8 | Int64(bytes[offset + 7])
        arrival = arrival.adding(milliseconds: delay)
        statistics.receive(
            sequenceNumber: sequenceNumber, timestamp: timestamp,
            marker: bytes[offset + 8] & 1 == 1, arrival: arrival, clockRate: 48_000)
        if bytes[offset + 8] & 2 == 2 {
            _ = statistics.reportBlock(
                ssrc: 1, lastSenderReport: 0, delaySinceLastSenderReport: 0)
        }
        precondition(statistics.packetsLost >= 0, "what was not sent twice is not received twice")
        offset += 9
    }
}
