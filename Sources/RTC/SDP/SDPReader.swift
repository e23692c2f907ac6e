/// The state of reading a session description line by line.
struct SDPReader {
    private var session = SessionDescription(sessionID: 0, sessionVersion: 0)
    private var hasOrigin = false
    private var sessionConnection: String?
    /// Attributes of the session level that are defaults of the sections.
    private var defaults = MediaDescription(kind: "", transportProtocol: "", formats: [])
    private var defaultsOnce = MediaDescription.Once()
    private var current: MediaDescription?
    private var currentOnce = MediaDescription.Once()

    /// Reads the lines after `v=0`.
    static func read(
        _ lines: ArraySlice<SDPLine>
    ) throws(SDPParseError) -> SessionDescription {
        var reader = SDPReader()
        for line in lines {
            try reader.read(line)
        }
        return try reader.finish()
    }

    private mutating func read(_ line: SDPLine) throws(SDPParseError) {
        switch line.type {
        case UInt8(ascii: "m"):
            guard hasOrigin else { throw .missingOrigin }
            finishSection()
            guard session.media.count < SessionDescription.mediaCountMax else {
                throw .tooManyMediaSections
            }
            current = try MediaDescription(mediaLine: line)
            currentOnce = MediaDescription.Once()
        case UInt8(ascii: "o"):
            guard current == nil, !hasOrigin else { return }
            try readOrigin(line)
        case UInt8(ascii: "s"):
            if current == nil, session.sessionName == "-" {
                session.sessionName = line.value.isEmpty ? "-" : String(line.value)
            }
        case UInt8(ascii: "c"):
            if current == nil {
                sessionConnection = sessionConnection ?? String(line.value)
            } else if current?.connection == nil {
                current?.connection = String(line.value)
            }
        case UInt8(ascii: "a"):
            if current == nil {
                try readSessionAttribute(line)
            } else {
                try current?.read(line, once: &currentOnce)
            }
        default:
            break  // Times, bandwidths and the like say nothing here.
        }
    }

    private mutating func readOrigin(_ line: SDPLine) throws(SDPParseError) {
        let words = line.value.words
        guard words.count == 6, let id = words[1].number(as: UInt64.self),
            let version = words[2].number(as: UInt64.self)
        else { throw .malformedOrigin(line: line.number) }
        session.username = String(words[0])
        session.sessionID = id
        session.sessionVersion = version
        session.originAddress = words[3...].joined(separator: " ")
        hasOrigin = true
    }

    private mutating func readSessionAttribute(_ line: SDPLine) throws(SDPParseError) {
        let attribute = SDPAttribute(line: line.value)
        switch attribute.name {
        case "ice-lite":
            session.isICELite = true
        case "group":
            let words = Substring(attribute.value ?? "").words
            if words.first == "BUNDLE" {
                session.bundleGroups.append(words.dropFirst().map { String($0) })
            } else {
                session.attributes.append(attribute)
            }
        case "sendrecv", "sendonly", "recvonly", "inactive", "ice-ufrag", "ice-pwd",
            "ice-options", "fingerprint", "setup", "extmap":
            try defaults.read(line, once: &defaultsOnce)
        default:
            session.attributes.append(attribute)
        }
    }

    private mutating func finishSection() {
        guard var section = current else { return }
        section.direction = currentOnce.direction ?? defaultsOnce.direction ?? .sendrecv
        section.connection = section.connection ?? sessionConnection
        if section.iceUfrag == nil, section.icePwd == nil {
            section.iceUfrag = defaults.iceUfrag
            section.icePwd = defaults.icePwd
        }
        section.iceOptions = section.iceOptions ?? defaults.iceOptions
        if section.fingerprints.isEmpty { section.fingerprints = defaults.fingerprints }
        section.setup = section.setup ?? defaults.setup
        let missing = defaults.extensions.filter { map in
            !section.extensions.contains { $0.id == map.id }
        }
        section.extensions += missing.prefix(
            MediaDescription.valueCountMax - section.extensions.count)
        section.expandWildcardFeedback()
        session.media.append(section)
        current = nil
    }

    private mutating func finish() throws(SDPParseError) -> SessionDescription {
        finishSection()
        guard hasOrigin else { throw .missingOrigin }
        var seen: Set<String> = []
        for mid in session.media.compactMap(\.mid) {
            guard seen.insert(mid).inserted else { throw .duplicateMID }
        }
        return session
    }
}
