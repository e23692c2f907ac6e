import Jobs

extension Settings {
    func summaryMail() throws -> SummaryMailing.Configuration {
        var configuration = SummaryMailing.Configuration(
            smtpURL: try environment.string(.smtpURL),
            smtpUser: environment.optional(.smtpUser),
            smtpPassword: environment.optional(.smtpPassword),
            smtpRequiresTLS: try environment.bool(.smtpTLS),
            sender: try environment.string(.mailFrom))
        configuration.links = try mailLinks()
        configuration.signer = try dkimSigner()
        return configuration
    }

    func sweeps() throws -> SweepSettings {
        SweepSettings(
            overrunGraceSeconds: Int64(try environment.integer(.overrunGrace, 1...1440)) * 60,
            emptySeconds: Int64(try environment.integer(.emptyTime, 1...1440)) * 60,
            retentionDays: try environment.integer(.historyRetention, 30...3650))
    }
}
