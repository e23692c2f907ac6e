import Tokens

/// The hosted SFU.
extension Settings {
    struct LiveKit {
        let url: String
        let apiKey: String
        let apiSecret: String
    }

    /// - Returns: `nil` when clients go to our own SFU.
    func liveKit() throws -> LiveKit? {
        let url = environment.optional(.liveKitURL) ?? ""
        guard
            url.isEmpty
                || ["wss://", "ws://", "https://", "http://"].contains(where: url.hasPrefix)
        else {
            throw Environment.Failure(
                name: Setting.liveKitURL.name, message: "must begin with wss:// or ws://")
        }
        let secret = try environment.secret(.liveKitSecret)
        try requireTogether([.liveKitURL, .liveKitKey, .liveKitSecret])
        guard let secret else { return nil }
        return LiveKit(url: url, apiKey: try environment.string(.liveKitKey), apiSecret: secret)
    }

    /// What the API mints with: for LiveKit where it is set, else for our own SFU.
    func admissionTokens() throws -> MediaTokens.Configuration {
        guard let liveKit = try liveKit() else { return try mediaTokens() }
        return MediaTokens.Configuration(
            apiKey: liveKit.apiKey, apiSecret: liveKit.apiSecret,
            lifetimeSeconds: Int64(try environment.integer(.mediaTokenSeconds, 30...86_400)))
    }
}
