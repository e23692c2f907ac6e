/// Which of the last 128 packet indices of one source were received.
/// Source: RFC 3711 §3.3.2 (which asks for 64 at least).
struct SRTPReplayWindow {
    static let width: UInt64 = 128

    private(set) var highest: UInt64
    /// Bit n stands for the index `highest - n`.
    private var seen: UInt128 = 1

    /// A window whose one received packet is `first`.
    init(first: UInt64) {
        highest = first
    }

    /// Nil when the index is new.
    func rejection(of index: UInt64) -> SRTPRejection? {
        guard index <= highest else { return nil }
        let age = highest - index
        guard age < Self.width else { return .tooOld }
        return (seen >> UInt128(age)) & 1 == 0 ? nil : .replayed
    }

    /// Records an index that was authenticated and had no rejection.
    mutating func insert(_ index: UInt64) {
        if index > highest {
            let step = index - highest
            seen = step < Self.width ? (seen << UInt128(step)) | 1 : 1
            highest = index
        } else {
            let age = highest - index
            if age < Self.width { seen |= 1 << UInt128(age) }
        }
    }
}
