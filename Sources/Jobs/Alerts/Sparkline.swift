/// A curve in one line of text: eight heights, a gap where nothing was measured.
enum Sparkline {
    private static let bars = Array("▁▂▃▄▅▆▇█")

    /// - Parameter values: 0 and more, oldest first; the highest gets the highest bar.
    static func text(_ values: [Double?]) -> String {
        let peak = values.compactMap { $0 }.max() ?? 0
        return String(
            values.map { value in
                guard let value else { return "·" }
                guard peak > 0 else { return bars[0] }
                let step = (value / peak * Double(bars.count - 1)).rounded()
                return bars[min(max(Int(step), 0), bars.count - 1)]
            })
    }
}
