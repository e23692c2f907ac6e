import Domain
import Logging

/// The log: who is told when nobody else is configured.
public struct LogReceiver: AlertReceiver {
    public let name = AlertReceiverName.log
    private let logger: Logger

    public init(logger: Logger) {
        self.logger = logger
    }

    public func send(_ notice: AlertNotice, at now: Timestamp) async -> AlertAnswer {
        let metadata = Logger.Metadata(
            uniqueKeysWithValues: notice.facts.map { ($0.name, "\($0.value)") })
        switch notice.action {
        case .trigger: logger.error("ALERT \(notice.summary)", metadata: metadata)
        case .resolve: logger.notice("RESOLVED \(notice.summary)")
        }
        return .accepted
    }
}
