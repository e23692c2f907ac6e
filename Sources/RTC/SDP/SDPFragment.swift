/// New candidates or credentials, without a whole description.
///
/// Source: RFC 8840 §9 (`application/trickle-ice-sdpfrag`), RFC 9725 §4.3.
public struct SDPFragment: Sendable, Equatable {
    /// The candidates of one media section.
    public struct Section: Sendable, Equatable {
        /// Value of the `m=` line.
        public var media: String
        public var mid: String?
        public var candidates: [ICECandidate]
        public var hasEndOfCandidates: Bool

        public init(
            media: String = "audio 9 UDP/TLS/RTP/SAVPF 0", mid: String?,
            candidates: [ICECandidate] = [], hasEndOfCandidates: Bool = false
        ) {
            self.media = media
            self.mid = mid
            self.candidates = candidates
            self.hasEndOfCandidates = hasEndOfCandidates
        }
    }

    public var iceUfrag: String?
    public var icePwd: String?
    public var isICELite = false
    /// Candidates and their end outside of any section.
    public var candidates: [ICECandidate] = []
    public var hasEndOfCandidates = false
    public var sections: [Section] = []

    public init(iceUfrag: String? = nil, icePwd: String? = nil) {
        self.iceUfrag = iceUfrag
        self.icePwd = icePwd
    }

    /// Reads a fragment of at most 64 KiB. Credentials inside a section count for all, since the
    /// sections are bundled. What else a fragment may say is ignored.
    public init(parsing text: [UInt8]) throws(SDPParseError) {
        for line in try SDPLine.lines(of: text) {
            if line.type == UInt8(ascii: "m") {
                guard sections.count < SessionDescription.mediaCountMax else {
                    throw .tooManyMediaSections
                }
                sections.append(Section(media: String(line.value), mid: nil))
            } else if line.type == UInt8(ascii: "a") {
                read(SDPAttribute(line: line.value))
            }
        }
    }

    /// Both, if the fragment has both: a request for an ICE restart, or its answer.
    public var credentials: ICECredentials? {
        guard let iceUfrag, let icePwd else { return nil }
        return ICECredentials(ufrag: iceUfrag, password: icePwd)
    }

    /// The fragment with a carriage return and a line feed after each line.
    public var text: String {
        var lines: [String] = []
        if isICELite { lines.append("a=ice-lite") }
        if let iceUfrag { lines.append("a=ice-ufrag:\(iceUfrag)") }
        if let icePwd { lines.append("a=ice-pwd:\(icePwd)") }
        lines += candidates.map { "a=candidate:\($0.text)" }
        if hasEndOfCandidates { lines.append("a=end-of-candidates") }
        for section in sections {
            lines.append("m=\(section.media)")
            if let mid = section.mid { lines.append("a=mid:\(mid)") }
            lines += section.candidates.map { "a=candidate:\($0.text)" }
            if section.hasEndOfCandidates { lines.append("a=end-of-candidates") }
        }
        return lines.map { $0 + "\r\n" }.joined()
    }

    private mutating func read(_ attribute: SDPAttribute) {
        let value = attribute.value ?? ""
        let last = sections.indices.last
        switch attribute.name {
        case "ice-ufrag": iceUfrag = iceUfrag ?? value
        case "ice-pwd": icePwd = icePwd ?? value
        case "ice-lite": isICELite = true
        case "mid":
            if let last, sections[last].mid == nil { sections[last].mid = value }
        case "candidate":
            guard let candidate = ICECandidate(value) else { return }
            if let last {
                sections[last].candidates.append(candidate)
            } else {
                candidates.append(candidate)
            }
        case "end-of-candidates":
            if let last {
                sections[last].hasEndOfCandidates = true
            } else {
                hasEndOfCandidates = true
            }
        default: break
        }
    }
}
