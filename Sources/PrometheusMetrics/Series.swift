import CoreMetrics
import Synchronization

/// One metric with one set of labels.
protocol Series: AnyObject, Sendable {
    /// The type in the `# TYPE` line.
    var type: String { get }
    func write(name: String, labels: String, into text: inout String)
}

final class CounterSeries: Series, CounterHandler {
    let type = "counter"
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        value.store(0, ordering: .relaxed)
    }

    func write(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, "\(value.load(ordering: .relaxed))")
    }
}

final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    let type = "gauge"
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func write(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, formatted(value.withLock { $0 }))
    }
}

final class HistogramSeries: Series, TimerHandler, RecorderHandler {
    static let timeBounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    static let sizeBounds: [Double] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

    private struct State {
        var counts: [Int]
        var count = 0
        var sum = 0.0
    }

    let type = "histogram"
    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += value
            if let index = bounds.firstIndex(where: { value <= $0 }) {
                state.counts[index] += 1
            }
        }
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1e9)
    }

    func write(name: String, labels: String, into text: inout String) {
        let state = state.withLock { $0 }
        var cumulative = 0
        let prefix = labels.isEmpty ? "" : labels + ","
        for (bound, count) in zip(bounds, state.counts) {
            cumulative += count
            text += sample(name + "_bucket", prefix + "le=\"\(formatted(bound))\"", "\(cumulative)")
        }
        text += sample(name + "_bucket", prefix + "le=\"+Inf\"", "\(state.count)")
        text += sample(name + "_sum", labels, formatted(state.sum))
        text += sample(name + "_count", labels, "\(state.count)")
    }
}

private func sample(_ name: String, _ labels: String, _ value: String) -> String {
    labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
}

private func formatted(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
}
