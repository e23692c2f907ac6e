/// A peer that talks: which frame of which recording is next, and when.
struct SwarmTalk {
    let peer: Int
    let recording: Int
    /// Goes round in the recording.
    var frame: Int
    var nextNanoseconds: Int64
    /// In units of 1/48 000 s; goes on through pauses.
    var timestamp: UInt32
    /// The next packet begins a talkspurt (RFC 3551 §4.1).
    var isAfterSilence = true
}
