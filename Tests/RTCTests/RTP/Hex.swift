extension [UInt8] {
    /// From pairs of hexadecimal digits; anything else between them is skipped.
    init(hex text: String) {
        let digits = text.compactMap(\.hexDigitValue)
        precondition(digits.count % 2 == 0, "two digits a byte")
        self = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
