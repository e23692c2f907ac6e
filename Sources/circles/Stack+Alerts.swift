import Database
import Jobs

/// Incidents and who is told of them.
extension Stack {
    /// Everybody configured, or the log.
    func alertReceivers() throws -> [any AlertReceiver] {
        let alerts = try settings.alerts()
        var receivers: [any AlertReceiver] = []
        if let routingKey = alerts.pagerDutyRoutingKey {
            receivers.append(PagerDutyReceiver(url: alerts.pagerDutyURL, routingKey: routingKey))
        }
        if let url = alerts.alertmanagerURL { receivers.append(AlertmanagerReceiver(url: url)) }
        if let url = alerts.webhookURL { receivers.append(ChatReceiver(url: url)) }
        return receivers.isEmpty ? [LogReceiver(logger: logger("alerts"))] : receivers
    }

    /// One that evaluates, and one for each receiver.
    func alertJobs(pool: ConnectionPool) throws -> [any Job] {
        let (alerts, receivers) = (try settings.alerts(), try alertReceivers())
        let deliveries: [any Job] = receivers.map {
            AlertDeliveryJob(
                pool: pool, receiver: $0, runbookURL: alerts.runbookURL, clock: clock,
                logger: logger("alerts"))
        }
        let evaluation = AlertJob(
            pool: pool, receivers: receivers.map(\.name.rawValue), rulesOff: alerts.rulesOff,
            jobNames: Set((try otherJobs(pool: pool) + deliveries).map(\.name)),
            logger: logger("alerts"))
        return [evaluation] + deliveries
    }
}
