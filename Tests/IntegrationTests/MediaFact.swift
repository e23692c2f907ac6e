/// One line of a WebRTC client; `Tests/Clients/facts.py` says what each field means.
struct MediaFact: Decodable, Sendable {
    let event: String
    /// Seconds of CLOCK_MONOTONIC.
    let t: Double
    let mid: String?
    let hz: Double?
    let by: String?
    let status: Int?
    let resource: String?
    let reason: String?
    let sections: [Section]?
    let inbound: [Stream]?
    let outbound: [Stream]?

    /// Who is heard on a section.
    struct Section: Decodable, Sendable, Equatable {
        let mid: String
        let uid: String?
    }

    /// W3C names and units.
    struct Stream: Decodable, Sendable {
        let mid: String?
        let packetsSent: Int?
        let packetsReceived: Int?
        let packetsLost: Int?
    }

    /// Whether a tone of this frequency was heard, within 5 Hz.
    func isTone(_ hz: Double) -> Bool {
        event == "heard" && self.hz.map { abs($0 - hz) <= 5 } == true
    }
}
