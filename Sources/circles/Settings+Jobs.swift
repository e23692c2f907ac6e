import Jobs

extension Settings {
    func summaryMail() throws -> SummaryMailing.Configuration {
        var configuration = SummaryMailing.Configuration(
            smtpURL: try environment.string(.smtpURL),
            smtpUser: environment.optional(.smtpUser),
            smtpPassword: environment.optional(.smtpPassword),
            smtpRequiresTLS: try environment.bool(.smtpTLS),
            smtpAuthorityFile: try smtpAuthorityFile(),
            sender: try environment.string(.mailFrom))
        configuration.links = try mailLinks()
        configuration.signer = try dkimSigner()
        return configuration
    }

    /// - Parameter usualPort: of the process, where nothing else is set.
    func metrics(usualPort: Int = 0) throws -> (host: String, port: Int) {
        let port =
            environment.optional(.metricsPort) == nil
            ? usualPort : try environment.integer(.metricsPort, 0...65_535)
        return (try environment.string(.metricsHost), port)
    }

    func sweeps() throws -> SweepSettings {
        SweepSettings(
            overrunGraceSeconds: Int64(try environment.integer(.overrunGrace, 1...1440)) * 60,
            emptySeconds: Int64(try environment.integer(.emptyTime, 1...1440)) * 60,
            retentionDays: try environment.integer(.historyRetention, 30...3650))
    }
}
