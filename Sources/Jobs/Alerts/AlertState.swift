import Domain

/// Whether one key has an incident: quiet → open → quiet. A value without clock or storage.
///
/// A bad reading opens it. Calm readings without a break, or none at all, for the rule's time
/// close it; a reading between the thresholds starts that time anew.
public struct AlertState: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        case quiet
        /// `calmSince`: the first of the calm readings without a break; `nil` after another.
        case open(calmSince: Timestamp?)
    }

    public enum Action: Sendable, Equatable {
        case nothing
        case open
        case clear(ClearReason)
    }

    /// Why an incident is over, as in `alerts.clear_reason`.
    public enum ClearReason: String, Sendable, Equatable {
        case recovered
        case ended
        case silent
        case ruleOff
    }

    /// Evaluations further apart say nothing about the time between: three that were missed.
    public static let gapSecondsMax: Int64 = 20

    public private(set) var phase: Phase
    /// The last evaluation.
    public private(set) var observedAt: Timestamp?
    private let calmSeconds: Int64

    public init(phase: Phase = .quiet, observedAt: Timestamp? = nil, calmSeconds: Int64) {
        self.phase = phase
        self.observedAt = observedAt
        self.calmSeconds = calmSeconds
    }

    /// Takes one evaluation's reading; `nil` when there is nothing to measure.
    ///
    /// - Parameter now: not before the evaluation before; an earlier one changes nothing.
    public mutating func observe(_ level: AlertReading.Level?, at now: Timestamp) -> Action {
        if let observedAt, now < observedAt { return .nothing }
        let isContinuous = observedAt.map { now <= $0.adding(seconds: Self.gapSecondsMax) } ?? true
        observedAt = now
        switch (phase, level) {
        case (.quiet, .bad):
            phase = .open(calmSince: nil)
            return .open
        case (.quiet, _):
            return .nothing
        case (.open, .bad), (.open, .between):
            phase = .open(calmSince: nil)
            return .nothing
        case (.open, .ended):
            phase = .quiet
            return .clear(.ended)
        case (.open(let calmSince), .calm), (.open(let calmSince), nil):
            let since = isContinuous ? calmSince ?? now : now
            guard now >= since.adding(seconds: calmSeconds) else {
                phase = .open(calmSince: since)
                return .nothing
            }
            phase = .quiet
            return .clear(level == nil ? .silent : .recovered)
        }
    }
}
