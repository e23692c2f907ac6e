import Opus
import RTC

extension MediaClient.Media {
    /// What a peer of a swarm wrote into the packet; `nil` in the packet of another.
    var stamp: PacketStamp? { OpusStamp.read(payload).map(PacketStamp.init) }
}
