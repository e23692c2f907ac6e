/// Which node a circle lives on: rendezvous hashing, so that a node that comes or goes moves only
/// the circles that it gets or had.
public enum Placement {
    /// The node with the highest score for the circle; `nil` when there is none.
    public static func node(
        for circleID: CircleID, among nodeIDs: some Sequence<String>
    ) -> String? {
        nodeIDs.max { left, right in
            // Names are unique, so two scores that are the same are still told apart.
            (score(circleID, left), left) < (score(circleID, right), right)
        }
    }

    /// FNV-1a over both names, mixed: FNV alone leaves names that differ in their last byte close
    /// to each other. Source: MurmurHash3, `fmix64`.
    static func score(_ circleID: CircleID, _ nodeID: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in nodeID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for half in [circleID.high, circleID.low] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                hash = (hash ^ (half >> shift & 0xFF)) &* 0x100_0000_01b3
            }
        }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ (hash >> 33)
    }
}
