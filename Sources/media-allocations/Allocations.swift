import CMallocCount
import Glibc

/// Proves that the packet path allocates nothing: 8 speakers and 100 listeners on one engine,
/// over real DTLS and SRTP, without sockets. Exits with 1 when a forwarded packet allocates.
@main
struct Allocations {
    private static let uplinkPacketCount = 20_000

    static func main() {
        let circle = LocalCircle(speakerCount: 8, listenerCount: 100)
        circle.connect()
        // Tables grow and first packets are told of before the measurement.
        _ = circle.forward(circle.uplinkPackets(count: 800))

        // The counter itself must work: one array is one allocation.
        circles_malloc_count_start()
        let probe = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        let probeCount = circles_malloc_count_stop()
        probe.deallocate()
        guard probeCount == 1 else {
            print("the allocation counter is not in use: \(probeCount) instead of 1")
            exit(1)
        }

        let packets = circle.uplinkPackets(count: uplinkPacketCount)
        let result = circle.forward(packets)
        let targetCount = uplinkPacketCount * (circle.clientCount - 1)
        print("uplink packets                      \(uplinkPacketCount)")
        print("forwarded packets                   \(result.forwardedCount)")
        print("allocations                         \(result.allocationCount)")
        print(
            "allocations per forwarded packet    "
                + ratio(Int(result.allocationCount), result.forwardedCount))
        print(
            "engine only, ns per packet          "
                + ratio(result.nanoseconds, result.forwardedCount))
        print("allocations of one second's timers  \(circle.timerAllocations())")
        guard result.forwardedCount == targetCount else {
            print("not everything was forwarded: \(targetCount) expected")
            exit(1)
        }
        exit(result.allocationCount == 0 ? 0 : 1)
    }

    /// With three decimals.
    private static func ratio(_ count: Int, _ total: Int) -> String {
        let thousandths = total == 0 ? 0 : (count * 1000 + total / 2) / total
        let rest = String(thousandths % 1000)
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
