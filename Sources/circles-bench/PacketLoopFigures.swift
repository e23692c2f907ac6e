import CPacketLoop
import Embedded
import Foundation

/// CPU microseconds a packet of the bare C loop's sending thread.
struct PacketLoopFigures: Sendable {
    /// At the rate given, with a thread that reads what arrives.
    let paced: Double
    /// Without it.
    let pacedIdle: Double
    /// As fast as it goes, with a thread that reads.
    let flatOut: Double
    let flatOutIdle: Double

    private static let seconds = 5.0
    private static let flatOutPackets: UInt64 = 400_000
    /// As many datagrams in one call as the SFU sends at most.
    private static let batch: UInt32 = 256

    /// Runs the loop four times, on the calling thread.
    init(packetsPerSecond: Double, payloadBytes: Int, destinations: Int) throws {
        func run(isPaced: Bool, isDrained: Bool) throws -> Double {
            var options = circles_packet_loop_options()
            options.packets =
                isPaced ? UInt64(packetsPerSecond * Self.seconds) : Self.flatOutPackets
            options.packets_per_second = isPaced ? UInt64(packetsPerSecond) : 0
            options.payload_bytes = UInt32(clamping: payloadBytes)
            options.destinations = UInt32(clamping: destinations)
            options.batch = Self.batch
            options.is_drained = isDrained ? 1 : 0
            var result = circles_packet_loop_result()
            let code = circles_packet_loop(&options, &result)
            guard code == 0, result.failed == 0 else {
                throw BenchFailure(
                    description: "the C loop failed: \(String(cString: strerror(code)))")
            }
            return result.cpu_us_per_packet
        }
        paced = try run(isPaced: true, isDrained: true)
        pacedIdle = try run(isPaced: true, isDrained: false)
        flatOut = try run(isPaced: false, isDrained: true)
        flatOutIdle = try run(isPaced: false, isDrained: false)
    }
}
