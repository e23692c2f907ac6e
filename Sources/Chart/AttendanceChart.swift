/// How many listened and how many were on stage in the course of a circle, as a picture: one panel
/// each, because 100 listeners on one scale with 8 speakers leave nothing of the speakers.
///
/// The ground is transparent and the colours are of middle lightness, so that it can be read on a
/// light page and on a dark one. Blue and vermilion can be told apart with every kind of colour
/// blindness (M. Okabe and K. Ito, Color Universal Design).
public struct AttendanceChart: Sendable, Equatable {
    /// Most listeners at once in each of the equal slices of the circle's time.
    public var listeners: [Int]
    /// The same for the stage, as many slices.
    public var speakers: [Int]
    public var durationSeconds: Double

    /// - Parameters:
    ///   - listeners: none below 0.
    ///   - speakers: as many slices as `listeners`.
    public init(listeners: [Int], speakers: [Int], durationSeconds: Double) {
        precondition(listeners.count == speakers.count, "both tell of the same slices")
        self.listeners = listeners
        self.speakers = speakers
        self.durationSeconds = durationSeconds
    }

    /// The picture was not drawn.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Size on the page, in CSS pixels; the picture has twice as many each way.
    public static let width = 536
    public static let height = 248

    private static let scale = 2.0
    private static let listenerColor = Canvas.Color(0x0B78BE)
    private static let speakerColor = Canvas.Color(0xD55E00)
    private static let textColor = Canvas.Color(0x7C7C86)
    private static let lineColor = Canvas.Color(0x8E8E98)
    private static let (left, right) = (38.0, Double(width) - 10)

    /// - Throws: `Failure` when there is no memory for it.
    public func png() throws(Failure) -> [UInt8] {
        do throws(Canvas.Failure) {
            let canvas = try Canvas(
                width: Double(Self.width), height: Double(Self.height), scale: Self.scale,
                fontSize: 12)
            drawLegend(on: canvas)
            let listenerPanel = Panel(
                top: 32, bottom: 144, color: Self.listenerColor, tickCountMax: 4)
            let speakerPanel = Panel(
                top: 164, bottom: 220, color: Self.speakerColor, tickCountMax: 2)
            draw(listeners, in: listenerPanel, on: canvas)
            draw(speakers, in: speakerPanel, on: canvas)
            drawTimes(below: speakerPanel.bottom, on: canvas)
            return try canvas.png()
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    private struct Panel {
        let top: Double
        let bottom: Double
        let color: Canvas.Color
        let tickCountMax: Int
    }

    private func drawLegend(on canvas: Canvas) {
        // Without a font nothing could be told apart; the text beside the picture tells it.
        guard canvas.hasFont else { return }
        var x = Self.left
        for (color, label, width) in [
            (Self.listenerColor, "Listeners", 90.0), (Self.speakerColor, "On stage", 90.0),
        ] {
            canvas.fill(
                [(x, 7), (x + 10, 7), (x + 10, 17), (x, 17)], color, alpha: 1)
            canvas.write(label, x: x + 16, y: 12, Self.textColor, .left)
            x += width
        }
    }

    private func draw(_ counts: [Int], in panel: Panel, on canvas: Canvas) {
        let step = Self.countStep(for: counts.max() ?? 0, tickCountMax: panel.tickCountMax)
        let top = max((((counts.max() ?? 0) + step - 1) / step) * step, step)
        func y(_ count: Int) -> Double {
            panel.bottom - (panel.bottom - panel.top) * Double(count) / Double(top)
        }
        for count in stride(from: 0, through: top, by: step) {
            // On whole pixels, so that the lines are sharp.
            let height = y(count).rounded() + 0.25
            canvas.stroke(
                [(Self.left, height), (Self.right, height)], Self.lineColor,
                width: count == 0 ? 1 : 0.5)
            canvas.write("\(count)", x: Self.left - 6, y: height, Self.textColor, .right)
        }
        guard !counts.isEmpty else { return }
        let sliceWidth = (Self.right - Self.left) / Double(counts.count)
        let steps = counts.enumerated().flatMap { index, count in
            let x = Self.left + Double(index) * sliceWidth
            return [(x: x, y: y(count)), (x: x + sliceWidth, y: y(count))]
        }
        let ground = [(x: Self.right, y: panel.bottom), (x: Self.left, y: panel.bottom)]
        canvas.fill(steps + ground, panel.color, alpha: 0.18)
        canvas.stroke(steps, panel.color, width: 2)
    }

    private func drawTimes(below bottom: Double, on canvas: Canvas) {
        guard durationSeconds > 0 else { return }
        let step = Self.timeStep(for: durationSeconds)
        for index in 0...Int(durationSeconds / step) {
            let seconds = Double(index) * step
            let x = Self.left + (Self.right - Self.left) * seconds / durationSeconds
            canvas.stroke(
                [(x, bottom), (x, bottom + 4)], Self.lineColor, width: 1)
            // A label in the middle of the right edge would be cut.
            let isAtEdge = x > Self.right - 20
            canvas.write(
                Self.label(seconds: seconds, step: step), x: isAtEdge ? Self.right + 8 : x,
                y: bottom + 15, Self.textColor, isAtEdge ? .right : .center)
        }
    }

    // MARK: Axes

    /// 1, 2 or 5 times a power of ten, so that at most `tickCountMax` steps reach the top.
    static func countStep(for top: Int, tickCountMax: Int) -> Int {
        var power = 1
        while true {
            for factor in [1, 2, 5] where factor * power * tickCountMax >= top {
                return factor * power
            }
            power *= 10
        }
    }

    /// Seconds between the marks on the time axis: six marks after the first at most.
    static func timeStep(for seconds: Double) -> Double {
        let steps: [Double] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        ]
        return steps.first { seconds / $0 <= 6 } ?? (seconds / 6 / 86_400).rounded(.up) * 86_400
    }

    static func label(seconds: Double, step: Double) -> String {
        let whole = Int(seconds)
        if whole == 0 { return "0" }
        if step < 60 {
            return whole < 60
                ? "\(whole) s" : "\(whole / 60):\(whole % 60 < 10 ? "0" : "")\(whole % 60) min"
        }
        if step < 3600 {
            if whole < 3600 { return "\(whole / 60) min" }
            let minutes = whole / 60 % 60
            return "\(whole / 3600):\(minutes < 10 ? "0" : "")\(minutes) h"
        }
        return "\(whole / 3600) h"
    }
}
