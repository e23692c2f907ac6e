import AsyncHTTPClient

/// Several circles at once, from their beginning to their end, with one swarm for the media of
/// all.
struct SwarmRun: Sendable {
    /// One for each circle.
    let scenarios: [SwarmScenario]
    /// `nil` for REST alone.
    let media: SwarmMedia.Plan?

    /// What came of it.
    struct Outcome: Sendable {
        var outcomes: [SwarmScenario.Outcome]
        var report: SwarmReport?
    }

    func run() async throws -> Outcome {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        let http = HTTPClient(configuration: configuration)
        do {
            let outcome = try await run(http)
            try await http.shutdown()
            return outcome
        } catch {
            try? await http.shutdown()  // the first error counts
            throw error
        }
    }

    private func run(_ http: HTTPClient) async throws -> Outcome {
        guard let media else { return try await live(http, nil) }
        let swarm = try await SwarmMedia.start(media, http: http)
        do {
            let outcome = try await live(http, swarm)
            await swarm.stop()
            return outcome
        } catch {
            await swarm.stop()
            throw error
        }
    }

    /// All are filled before the first is measured, and measured before the first is ended.
    private func live(_ http: HTTPClient, _ media: SwarmMedia?) async throws -> Outcome {
        let filled = try await all(scenarios.indices) { index in
            try await scenarios[index].fill(http, media: media, number: index)
        }
        let report = try await media?.measure()
        let outcomes = try await all(filled.indices) { index in
            try await scenarios[index].finish(filled[index])
        }
        return Outcome(outcomes: outcomes, report: report)
    }

    private func all<Result: Sendable>(
        _ indices: Range<Int>, _ step: @escaping @Sendable (Int) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for index in indices { group.addTask { (index, try await step(index)) } }
            var results = [Result?](repeating: nil, count: indices.count)
            for try await (index, result) in group { results[index] = result }
            return results.compactMap { $0 }
        }
    }
}
