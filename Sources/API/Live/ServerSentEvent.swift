import NIOCore

/// One message of an event stream.
/// Source: HTML Living Standard, §9.2.5 "Parsing an event stream".
struct ServerSentEvent {
    var id: Int64
    var name: String
    var data: [UInt8]

    static let heartbeat = ByteBuffer(string: ": heartbeat\n\n")

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// - Precondition: names are our own words, without line breaks.
    func write(into buffer: inout ByteBuffer) {
        buffer.writeString("id: \(id)\nevent: \(name)\n")
        var line: [UInt8] = []
        line.reserveCapacity(data.count)
        var previous: UInt8 = 0
        for byte in data {
            defer { previous = byte }
            switch byte {
            case Self.lineFeed where previous == Self.carriageReturn: continue
            case Self.lineFeed, Self.carriageReturn:
                Self.write(line, into: &buffer)
                line.removeAll(keepingCapacity: true)
            default: line.append(byte)
            }
        }
        Self.write(line, into: &buffer)
        buffer.writeInteger(Self.lineFeed)
    }

    private static func write(_ line: [UInt8], into buffer: inout ByteBuffer) {
        buffer.writeStaticString("data: ")
        buffer.writeBytes(line)
        buffer.writeInteger(lineFeed)
    }

    var buffer: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(data.count + 64)
        write(into: &buffer)
        return buffer
    }
}

/// The `Last-Event-ID` header: the id of a message of ours.
enum LastEventID {
    /// - Throws: `Problem` (400) for what is no id of ours.
    static func parse(_ text: String?) throws -> Int64? {
        guard let text else { return nil }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard (1...19).contains(text.utf8.count), text.utf8.allSatisfy(digits.contains),
            let number = Int64(text)
        else { throw Problem.malformedLastEventID }
        return number
    }
}

extension Problem {
    static let malformedLastEventID = Problem(
        .badRequest, "malformed_last_event_id", "Last-Event-ID is no id of this stream")

    static var tooManyStreams: Problem {
        var problem = Problem(
            .tooManyRequests, "too_many_streams", "Too many event streams are open for this user")
        problem.headers[.retryAfter] = "5"
        return problem
    }
}
