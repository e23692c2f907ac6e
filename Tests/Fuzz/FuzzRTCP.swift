import RTC

/// Any bytes are packets or refused; every view of them can be read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRTCP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var reader = RTCPReader(UnsafeRawBufferPointer(start: start, count: count))
    var sum: UInt64 = 0
    while let packet = try? reader.next() {
        switch packet {
        case .senderReport(_, let blocks), .receiverReport(_, let blocks):
            for block in blocks { sum &+= UInt64(block.ssrc) }
        case .sourceDescription(let description):
            description.forEachCNAME { ssrc, name in
                sum &+= UInt64(ssrc) &+ name.reduce(0) { $0 &+ UInt64($1) }
            }
        case .goodbye(let sources):
            for source in sources { sum &+= UInt64(source) }
        case .genericNACK(let nack):
            nack.forEachSequence { sum &+= UInt64($0) }
        case .transportFeedback, .payloadFeedback, .applicationDefined, .extendedReport,
            .unknown:
            sum &+= 1
        }
    }
    // The sum keeps the reads from being left out.
    return sum == .max ? 1 : 0
}
