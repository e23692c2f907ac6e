/// Writes an RTCP datagram, packet after packet, into a buffer of ours.
///
/// Source: RFC 3550 §6.4–§6.6, RFC 4585 §6.2.1.
/// Cost: no allocation.
public struct RTCPWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private let start: UnsafeMutableRawPointer
    /// Bytes written so far.
    public private(set) var length = 0

    public init(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let start = buffer.baseAddress else {
            preconditionFailure("a writer needs a buffer")
        }
        self.buffer = buffer
        self.start = start
    }

    /// Bytes that can still be written.
    public var room: Int { buffer.count - length }

    /// A report of a sender, with at most 31 blocks about what it receives: 28 bytes and 24 a
    /// block.
    public mutating func senderReport(
        _ report: SenderReport,
        blocks: UnsafeBufferPointer<ReportBlock> = UnsafeBufferPointer(start: nil, count: 0)
    ) {
        let content = begin(
            RTCPType.senderReport, count: blocks.count,
            contentByteCount: 24 + blocks.count * ReportBlock.byteCount)
        start.storeBigEndian(report.ssrc, at: content)
        start.storeBigEndian(report.ntpTime, at: content + 4)
        start.storeBigEndian(report.rtpTimestamp, at: content + 12)
        start.storeBigEndian(report.packetCount, at: content + 16)
        start.storeBigEndian(report.octetCount, at: content + 20)
        write(blocks, at: content + 24)
    }

    /// A report of a receiver, with at most 31 blocks: 8 bytes and 24 a block.
    public mutating func receiverReport(
        ssrc: UInt32,
        blocks: UnsafeBufferPointer<ReportBlock> = UnsafeBufferPointer(start: nil, count: 0)
    ) {
        let content = begin(
            RTCPType.receiverReport, count: blocks.count,
            contentByteCount: 4 + blocks.count * ReportBlock.byteCount)
        start.storeBigEndian(ssrc, at: content)
        write(blocks, at: content + 4)
    }

    /// The canonical name of a source, at most 255 bytes: up to 14 bytes more than the name.
    public mutating func cname(ssrc: UInt32, _ name: UnsafeRawBufferPointer) {
        precondition(name.count <= 255, "an SDES item has at most 255 bytes")
        let used = 4 + 2 + name.count
        let contentByteCount = (used + 4) & ~3  // one zero at least ends the chunk
        let content = begin(
            RTCPType.sourceDescription, count: 1, contentByteCount: contentByteCount)
        start.storeBigEndian(ssrc, at: content)
        start.storeBytes(of: SourceDescription.cnameType, toByteOffset: content + 4, as: UInt8.self)
        start.storeBytes(of: UInt8(name.count), toByteOffset: content + 5, as: UInt8.self)
        if let source = name.baseAddress {
            (start + content + 6).copyMemory(from: source, byteCount: name.count)
        }
        for offset in content + used..<content + contentByteCount {
            start.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        }
    }

    /// The end of at most 31 sources: 4 bytes and 4 a source.
    public mutating func goodbye(_ sources: UnsafeBufferPointer<UInt32>) {
        let content = begin(
            RTCPType.goodbye, count: sources.count, contentByteCount: sources.count * 4)
        for (index, ssrc) in sources.enumerated() {
            start.storeBigEndian(ssrc, at: content + index * 4)
        }
    }

    /// A request for packets, their numbers in rising order: 12 bytes and 4 for each group of
    /// up to 17 neighbours. Writes nothing for no numbers.
    public mutating func genericNACK(
        senderSSRC: UInt32, mediaSSRC: UInt32, _ sequences: UnsafeBufferPointer<UInt16>
    ) {
        guard !sequences.isEmpty else { return }
        var entryCount = 0
        Self.forEachEntry(sequences) { _, _ in entryCount += 1 }
        let content = begin(
            RTCPType.transportFeedback, count: Int(RTCPReader.genericNACKFormat),
            contentByteCount: 8 + entryCount * 4)
        start.storeBigEndian(senderSSRC, at: content)
        start.storeBigEndian(mediaSSRC, at: content + 4)
        var offset = content + 8
        let start = start
        Self.forEachEntry(sequences) { first, mask in
            start.storeBigEndian(first, at: offset)
            start.storeBigEndian(mask, at: offset + 2)
            offset += 4
        }
    }

    /// Groups numbers into a first one and a mask of the sixteen that follow it.
    private static func forEachEntry(
        _ sequences: UnsafeBufferPointer<UInt16>, _ body: (UInt16, UInt16) -> Void
    ) {
        var index = 0
        while index < sequences.count {
            let first = sequences[index]
            var mask: UInt16 = 0
            index += 1
            while index < sequences.count {
                let distance = sequences[index] &- first
                guard distance <= 16 else { break }
                if distance > 0 { mask |= 1 << (distance - 1) }
                index += 1
            }
            body(first, mask)
        }
    }

    private func write(_ blocks: UnsafeBufferPointer<ReportBlock>, at offset: Int) {
        for (index, block) in blocks.enumerated() {
            block.write(to: start, at: offset + index * ReportBlock.byteCount)
        }
    }

    /// Writes a packet's header; returns the offset of its content, whose size is a multiple of
    /// four.
    private mutating func begin(_ type: UInt8, count: Int, contentByteCount: Int) -> Int {
        precondition(count <= ReportBlock.countMax, "a packet's count has five bits")
        precondition(contentByteCount + 4 <= room, "the buffer is ours and large enough")
        start.storeBytes(of: 0x80 | UInt8(count), toByteOffset: length, as: UInt8.self)
        start.storeBytes(of: type, toByteOffset: length + 1, as: UInt8.self)
        start.storeBigEndian(UInt16(contentByteCount / 4), at: length + 2)
        let content = length + 4
        length = content + contentByteCount
        return content
    }
}
