import CircleStore
import Domain
import Foundation
import TestKit
import Testing

/// `circles up` of one test: everything in one process, on ports of its own.
final class PageServer: Sendable {
    let url: String
    private let process: CirclesProcess
    private let folder: String

    /// Starts it and waits until it takes clients.
    init(_ store: TestStore, environment: [String: String] = [:]) async throws {
        folder = "/tmp/circles-page-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let log = folder + "/up.log"
        process = CirclesProcess(
            "up",
            environment: [
                "DATABASE_URL": store.databaseURL, "CIRCLES_HOME": folder + "/home",
                "API_PORT": "0", "SFU_PORT": "0", "SFU_WORKERS": "1", "LOG_LEVEL": "error",
            ].merging(environment) { $1 },
            log: log)
        try process.start()
        var found: String?
        for _ in 0..<600 where found == nil {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            found = text.firstMatch(of: /page +(http:\S+)/).map { String($0.1) }
            if found == nil { try await Task.sleep(for: .milliseconds(100)) }
        }
        guard let found else {
            throw MediaClientProcess.Failure(description: "circles up is not up: see \(log)")
        }
        url = found
    }

    /// SIGTERM; 0 when all of it ended well.
    func stop() -> Int32? {
        let status = process.stop()
        try? FileManager.default.removeItem(atPath: folder)  // in /tmp anyway
        return status
    }
}

/// Someone in front of the page at `/`; `Tests/Clients/page_client.py` says what they can do.
struct PagePerson: Sendable {
    let name: String
    let client: MediaClientProcess

    /// Opens a browser, whose microphone plays a tone, and signs in.
    static func arrive(
        _ name: String, at server: PageServer, tone: Double, _ arguments: [String] = []
    ) async throws -> PagePerson {
        let client = try MediaClientProcess(
            .page, ["--url", server.url, "--tone", "\(tone)"] + arguments, name: "\(name) (page)")
        try await client.waitUntilConnected()
        let person = PagePerson(name: name, client: client)
        try await person.does("type", "Your name", name)
        try await person.does("click", "button", "Continue")
        return person
    }

    /// Does one thing and waits until it is done.
    func does(_ command: String...) async throws {
        let count = client.facts.count
        let json = try JSONEncoder().encode(command)
        client.send(String(decoding: json, as: UTF8.self))
        try await client.wait(for: "\(command)", after: count) { $0.event == "did" }
    }

    /// Waits until someone's tone is heard from now on.
    func hears(_ hz: Double, of name: String) async throws {
        try await client.waitUntilHeard(hz, on: name, after: client.facts.count)
    }

    /// Starts a circle that is live at once.
    func starts(_ title: String) async throws {
        try await does("click", "button", "Start a circle")
        try await does("type", "What is it about?", title)
        try await does("click", "button", "Go live")
        try await does("lists", "On stage", "\(name) (you)", "host")
    }

    /// Joins the one circle that matches a title, from the directory.
    func joins(_ title: String, of host: String, people: String) async throws {
        try await does("type", "Search by title or category", title)
        try await does("click", "button", "Live \(title) Host: \(host) \(people)")
        try await does("lists", "On stage", host, "host")
    }

    /// Closes the browser.
    func goes() async throws {
        #expect(try await client.quit() == 0, "\(name)")
    }
}
