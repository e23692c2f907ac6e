import CoreMetrics
import Synchronization

/// A swift-metrics backend that keeps its values in memory and writes them in Prometheus' text
/// format. Source: Prometheus documentation, "Exposition formats", text format 0.0.4.
///
/// Counters get `_total`, timers are histograms in `_seconds`; names end in their unit.
public final class PrometheusRegistry: MetricsFactory {
    private struct Key: Hashable {
        let name: String
        let labels: String
    }

    private let series = Mutex<[Key: any Series]>([:])
    /// How many series there may be; past it new ones are not exposed.
    private let seriesCountMax = 10_000
    private let help: [String: String]
    private let process: ProcessSeries?

    /// - Parameters:
    ///   - help: what each metric means, by its name.
    ///   - process: adds what Linux counts of this process, and its version.
    public init(help: [String: String] = [:], process: ProcessSeries? = nil) {
        self.help = help
        self.process = process
    }

    /// All values, in the order of their names.
    public func exposition() -> String {
        let all = series.withLock { $0 }
        var text = process?.exposition() ?? ""
        var lastName = ""
        for (key, one) in all.sorted(by: {
            ($0.key.name, $0.key.labels) < ($1.key.name, $1.key.labels)
        }) {
            if key.name != lastName {
                if let meaning = help[key.name] { text += "# HELP \(key.name) \(meaning)\n" }
                text += "# TYPE \(key.name) \(one.type)\n"
                lastName = key.name
            }
            one.write(name: key.name, labels: key.labels, into: &text)
        }
        return text
    }

    private func series<One: Series>(
        _ name: String, _ dimensions: [(String, String)], _ make: () -> One
    ) -> One {
        let key = Key(
            name: sanitized(name),
            labels: dimensions.map { "\(sanitized($0.0))=\"\(escaped($0.1))\"" }
                .joined(separator: ","))
        return series.withLock { series in
            if let known = series[key] as? One { return known }
            let new = make()
            if series.count < seriesCountMax { series[key] = new }
            return new
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(
        label: String, dimensions: [(String, String)]
    ) -> any CounterHandler {
        let name = label.hasSuffix("_total") ? label : label + "_total"
        return series(name, dimensions) { CounterSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { GaugeSeries() }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate
            ? series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.sizeBounds) }
            : series(label, dimensions) { GaugeSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("_seconds") ? label : label + "_seconds"
        return series(name, dimensions) { HistogramSeries(bounds: HistogramSeries.timeBounds) }
    }

    // Series live as long as the process: a counter that went away would read as a reset.
    public func destroyCounter(_: any CounterHandler) {}
    public func destroyMeter(_: any MeterHandler) {}
    public func destroyRecorder(_: any RecorderHandler) {}
    public func destroyTimer(_: any TimerHandler) {}
}

private func sanitized(_ name: String) -> String {
    let text = String(
        name.unicodeScalars.map { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                || scalar == "_" ? Character(scalar) : "_"
        })
    return text.first?.isNumber == true ? "_" + text : text
}

private func escaped(_ value: String) -> String {
    // By scalars: within a character a quote could hide behind a combining mark.
    var text = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\\": text.append(contentsOf: "\\\\".unicodeScalars)
        case "\"": text.append(contentsOf: "\\\"".unicodeScalars)
        case "\n": text.append(contentsOf: "\\n".unicodeScalars)
        default: text.append(scalar)
        }
    }
    return String(text)
}
