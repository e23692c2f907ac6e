import Foundation
import Testing

@testable import Chart

@Suite("AttendanceChart (the picture in the host's summary)")
struct AttendanceChartTests {
    private static let blue = Picture.Pixel(red: 0x0B, green: 0x78, blue: 0xBE, alpha: 255)
    private static let vermilion = Picture.Pixel(red: 0xD5, green: 0x5E, blue: 0x00, alpha: 255)

    private static let chart = AttendanceChart(
        listeners: Array(repeating: 0, count: 100) + Array(repeating: 40, count: 100),
        speakers: Array(repeating: 4, count: 100) + Array(repeating: 2, count: 100),
        durationSeconds: 5460)

    /// Columns in the middle of the first and of the second half.
    private static let (early, late) = (76 + 244, 76 + 732)

    @Test("it is a PNG of twice the size on the page, small enough for mail")
    func hasItsSize() throws {
        let png = try Self.chart.png()
        let picture = try Picture(png: png)
        #expect(picture.width == 2 * AttendanceChart.width)
        #expect(picture.height == 2 * AttendanceChart.height)
        #expect(png.count < 40_000)
    }

    @Test("each line is as high as its number, on its own scale, over a transparent ground")
    func drawsLines() throws {
        let picture = try Picture(png: try Self.chart.png())
        // Panels reach from 64 to 288 and from 328 to 440; both numbers reach their tops.
        for (color, column, row) in [
            (Self.blue, Self.early, 288), (Self.blue, Self.late, 64),
            (Self.vermilion, Self.early, 328), (Self.vermilion, Self.late, 384),
        ] {
            let rows = picture.rows(of: color, inColumn: column)
            #expect(!rows.isEmpty && rows.allSatisfy { abs($0 - row) <= 2 }, "\(rows) \(row)")
        }
        #expect(picture[2, 300].alpha == 0)
    }

    @Test(
        "odd numbers make a picture too",
        arguments: [
            AttendanceChart(listeners: [], speakers: [], durationSeconds: 0),
            AttendanceChart(listeners: [], speakers: [], durationSeconds: 60),
            AttendanceChart(listeners: [0], speakers: [0], durationSeconds: 1e-6),
            AttendanceChart(listeners: [1_000_000], speakers: [8], durationSeconds: 1e9),
            AttendanceChart(
                listeners: Array(0..<5000), speakers: Array(0..<5000), durationSeconds: 86_400),
        ])
    func drawsOddNumbers(chart: AttendanceChart) throws {
        let picture = try Picture(png: try chart.png())
        #expect(picture.width == 2 * AttendanceChart.width)
    }

    @Test("without any font the lines are the same; cairo writes in letters of its own, or not")
    func drawsWithoutFonts() async {
        await #expect(processExitsWith: .success) {
            // A configuration without folders; without any, fontconfig looks in its own.
            let path = NSTemporaryDirectory() + "/circles-fonts-\(getpid()).conf"
            try? "<fontconfig></fontconfig>".write(
                toFile: path, atomically: true, encoding: .utf8)
            setenv("FONTCONFIG_FILE", path, 1)
            let chart = AttendanceChart(
                listeners: [0, 40], speakers: [4, 2], durationSeconds: 5460)
            guard let png = try? chart.png(), let picture = try? Picture(png: png) else { exit(1) }
            unlink(path)
            let blue = Picture.Pixel(red: 0x0B, green: 0x78, blue: 0xBE, alpha: 255)
            let rows = picture.rows(of: blue, inColumn: 76 + 732)
            exit(!rows.isEmpty && rows.allSatisfy { abs($0 - 64) <= 2 } ? 0 : 2)
        }
    }

    // MARK: Axes

    @Test(
        "the axis of counts has steps of 1, 2 or 5, few and none too many",
        arguments: [
            (0, 4, 1), (1, 4, 1), (4, 4, 1), (5, 4, 2), (8, 4, 2), (9, 4, 5), (87, 4, 50),
            (100, 4, 50), (1000, 4, 500), (8, 2, 5), (10, 2, 5), (11, 2, 10),
        ])
    func stepsCounts(top: Int, tickCountMax: Int, step: Int) {
        #expect(AttendanceChart.countStep(for: top, tickCountMax: tickCountMax) == step)
    }

    @Test(
        "the axis of time has at most six marks after the first, on round times",
        arguments: [
            (1.0, 1.0), (6, 1), (7, 2), (60, 10), (61, 15), (2730, 600), (5460, 1800),
            (86_400, 21_600), (864_000, 172_800),
        ])
    func stepsTimes(seconds: Double, step: Double) {
        #expect(AttendanceChart.timeStep(for: seconds) == step)
    }

    @Test(
        "times are told in the unit of their steps",
        arguments: [
            (0.0, 900.0, "0"), (30, 15, "30 s"), (90, 15, "1:30 min"), (900, 900, "15 min"),
            (5400, 1800, "1:30 h"), (7200, 3600, "2 h"), (3660, 60, "1:01 h"),
        ])
    func labelsTimes(seconds: Double, step: Double, label: String) {
        #expect(AttendanceChart.label(seconds: seconds, step: step) == label)
    }
}
