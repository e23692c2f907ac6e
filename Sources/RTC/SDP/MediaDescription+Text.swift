extension MediaDescription {
    /// The lines of the section, without line ends.
    var lines: [String] {
        var lines = ["m=\(kind) \(port) \(transportProtocol) \(formats.joined(separator: " "))"]
        if let connection { lines.append("c=\(connection)") }
        if let mid { lines.append("a=mid:\(mid)") }
        if bundleOnly { lines.append("a=bundle-only") }
        lines += extensions.map { "a=extmap:\($0.text)" }
        lines.append("a=\(direction.rawValue)")
        if let msid { lines.append("a=msid:\(msid.text)") }
        if rtcpMux { lines.append("a=rtcp-mux") }
        if rtcpReducedSize { lines.append("a=rtcp-rsize") }
        lines += formatLines
        if let iceUfrag { lines.append("a=ice-ufrag:\(iceUfrag)") }
        if let icePwd { lines.append("a=ice-pwd:\(icePwd)") }
        if let iceOptions { lines.append("a=ice-options:\(iceOptions)") }
        lines += fingerprints.map { "a=fingerprint:\($0)" }
        if let setup { lines.append("a=setup:\(setup.rawValue)") }
        lines += attributes.map(\.line)
        for source in ssrcs {
            if let cname = source.cname { lines.append("a=ssrc:\(source.ssrc) cname:\(cname)") }
            if let msid = source.msid { lines.append("a=ssrc:\(source.ssrc) msid:\(msid.text)") }
            if source.cname == nil, source.msid == nil { lines.append("a=ssrc:\(source.ssrc)") }
        }
        lines += candidates.map { "a=candidate:\($0.text)" }
        if hasEndOfCandidates { lines.append("a=end-of-candidates") }
        return lines
    }

    /// The attributes of each payload type, in order of preference; then those of types that the
    /// section does not list.
    private var formatLines: [String] {
        var lines: [String] = []
        var listed: Set<String> = []
        let unlisted = Set(formatParameters.keys).union(feedback.keys)
            .union(rtpMaps.keys.map { "\($0)" }).subtracting(formats).sorted()
        for format in formats + unlisted where listed.insert(format).inserted {
            if let payloadType = Substring(format).number(as: UInt8.self),
                "\(payloadType)" == format, let map = rtpMaps[payloadType]
            {
                lines.append("a=rtpmap:\(format) \(map.text)")
            }
            if let parameters = formatParameters[format] {
                lines.append("a=fmtp:\(format) \(parameters)")
            }
            lines += (feedback[format] ?? []).map { "a=rtcp-fb:\(format) \($0)" }
        }
        return lines
    }
}
