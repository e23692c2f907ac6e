extension MediaDescription {
    /// From the value of an `m=` line: `audio 9 UDP/TLS/RTP/SAVPF 111 63`.
    init(mediaLine line: SDPLine) throws(SDPParseError) {
        let words = line.value.words
        guard words.count >= 4 else { throw .malformedMedia(line: line.number) }
        // `port/count` is legal and not used by WebRTC.
        let port = words[1].cut(at: "/")?.before ?? words[1]
        guard let port = port.number(as: UInt16.self) else {
            throw .malformedMedia(line: line.number)
        }
        guard words.count - 3 <= Self.formatCountMax else {
            throw .tooManyValues(line: line.number)
        }
        self.init(
            kind: String(words[0]), port: port, transportProtocol: String(words[2]),
            formats: words[3...].map { String($0) })
    }

    /// What a section says only once; the first line counts.
    struct Once {
        var direction: MediaDirection?
    }

    /// Takes in one attribute line.
    mutating func read(_ line: SDPLine, once: inout Once) throws(SDPParseError) {
        let attribute = SDPAttribute(line: line.value)
        let value = attribute.value.map { Substring($0) } ?? ""
        switch attribute.name {
        case "sendrecv", "sendonly", "recvonly", "inactive":
            if once.direction == nil { once.direction = MediaDirection(rawValue: attribute.name) }
        case "mid":
            guard !value.isEmpty, value.words.count == 1 else {
                throw .malformedAttribute(line: line.number)
            }
            if mid == nil { mid = String(value) }
        case "rtpmap", "fmtp", "rtcp-fb":
            try readFormat(attribute.name, value, line: line.number)
        case "extmap":
            guard let map = ExtensionMap(value) else {
                throw .malformedAttribute(line: line.number)
            }
            try Self.append(map, to: &extensions, line: line.number)
        case "ssrc":
            try readSource(value, line: line.number)
        case "msid":
            guard let id = MediaStreamID(value) else {
                throw .malformedAttribute(line: line.number)
            }
            if msid == nil { msid = id }
        case "ice-ufrag": if iceUfrag == nil { iceUfrag = String(value) }
        case "ice-pwd": if icePwd == nil { icePwd = String(value) }
        case "ice-options": if iceOptions == nil { iceOptions = String(value) }
        case "fingerprint":
            try Self.append(String(value), to: &fingerprints, line: line.number)
        case "setup":
            guard let setup = ConnectionSetup(rawValue: String(value)) else {
                throw .malformedAttribute(line: line.number)
            }
            if self.setup == nil { self.setup = setup }
        case "candidate":
            // One of a kind that we do not know is no reason to refuse the rest.
            if let candidate = ICECandidate(value) {
                try Self.append(candidate, to: &candidates, line: line.number)
            } else {
                attributes.append(attribute)
            }
        case "end-of-candidates": hasEndOfCandidates = true
        case "rtcp-mux": rtcpMux = true
        case "rtcp-rsize": rtcpReducedSize = true
        case "bundle-only": bundleOnly = true
        default: attributes.append(attribute)
        }
    }

    /// A feedback line for `*` is one for each payload type (RFC 4585 §4.2).
    mutating func expandWildcardFeedback() {
        guard let wildcard = feedback.removeValue(forKey: "*") else { return }
        for format in Set(formats) where Substring(format).number(as: UInt8.self) != nil {
            let known = feedback[format] ?? []
            let added = wildcard.filter { !known.contains($0) }
            feedback[format] = Array((known + added).prefix(Self.feedbackCountMax))
        }
    }

    private static func append<Value>(
        _ value: Value, to values: inout [Value], max countMax: Int = valueCountMax, line: Int
    ) throws(SDPParseError) {
        guard values.count < countMax else { throw .tooManyValues(line: line) }
        values.append(value)
    }

    private mutating func readFormat(
        _ name: String, _ value: Substring, line: Int
    ) throws(SDPParseError) {
        guard let (format, rest) = value.cut(at: " "), !format.isEmpty, !rest.isEmpty else {
            throw .malformedAttribute(line: line)
        }
        switch name {
        case "rtpmap":
            guard let payloadType = format.number(as: UInt8.self), payloadType < 128,
                let map = RTPMap(rest)
            else { throw .malformedAttribute(line: line) }
            if rtpMaps[payloadType] == nil { rtpMaps[payloadType] = map }
        case "fmtp":
            let key = String(format)
            if formatParameters[key] == nil { formatParameters[key] = String(rest) }
        default:
            try Self.append(
                String(rest), to: &feedback[String(format), default: []],
                max: Self.feedbackCountMax, line: line)
        }
    }

    /// `a=ssrc:1234 cname:x`: the lines of one source are joined.
    private mutating func readSource(_ value: Substring, line: Int) throws(SDPParseError) {
        let head = value.cut(at: " ")
        guard let ssrc = (head?.before ?? value).number(as: UInt32.self) else {
            throw .malformedAttribute(line: line)
        }
        let index: Int
        if let known = ssrcs.firstIndex(where: { $0.ssrc == ssrc }) {
            index = known
        } else {
            index = ssrcs.count
            try Self.append(SSRCDescription(ssrc: ssrc), to: &ssrcs, line: line)
        }
        guard let (name, content) = head?.after.cut(at: ":") else { return }
        if name == "cname", ssrcs[index].cname == nil {
            ssrcs[index].cname = String(content)
        } else if name == "msid", ssrcs[index].msid == nil {
            ssrcs[index].msid = MediaStreamID(content)
        }
    }
}
