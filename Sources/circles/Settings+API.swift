import API

extension Settings {
    /// How the API treats its clients.
    func configure(_ configuration: inout APIServer.Configuration) throws {
        let proxies = try trustedProxies()
        let rates = 0...1_000_000
        configuration.rateLimits = RateLimitConfiguration(
            perUser: try environment.integer(.apiRatePerUser, rates),
            perKey: try environment.integer(.apiRatePerKey, rates),
            perAddress: try environment.integer(.apiRatePerAddress, rates),
            trustedProxies: proxies)
        configuration.connectionLimits = ConnectionLimits(
            perAddress: try environment.integer(.apiConnectionsPerAddress, 0...100_000),
            headSeconds: Int64(try environment.integer(.apiHeadSeconds, 1...300)),
            trustedProxies: proxies)
        guard let origins = AllowedOrigins(environment.optional(.apiCORSOrigins) ?? "") else {
            throw Environment.Failure(
                name: Setting.apiCORSOrigins.name,
                message: "must be * or origins in lower case, https://host[:port],…")
        }
        configuration.allowedOrigins = origins
        configuration.isTransportSecure = try environment.bool(.apiHSTS)
    }

    private func trustedProxies() throws -> [NetworkRange] {
        try (environment.optional(.apiTrustedProxies) ?? "").split(separator: ",").map { part in
            guard let range = NetworkRange(part.filter { $0 != " " }) else {
                throw Environment.Failure(
                    name: Setting.apiTrustedProxies.name,
                    message: "must be addresses or ranges, address[/bits],…")
            }
            return range
        }
    }
}
