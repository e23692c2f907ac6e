import Synchronization

/// How clients reach this API: as configured, or by the port that it really listens on.
public final class PublicAddress: Sendable {
    private let text: Mutex<String>
    private let host: String?

    /// - Parameter url: without a path; empty takes host and port.
    init(url: String, host: String, port: Int) {
        self.host = url.isEmpty ? (host.contains(":") ? "[\(host)]" : host) : nil
        let url = url.hasSuffix("/") ? String(url.dropLast()) : url
        text = Mutex(self.host.map { "http://\($0):\(port)" } ?? url)
    }

    /// Without a slash at its end.
    var url: String { text.withLock { $0 } }

    /// Takes the port that was found where none had been fixed.
    func listens(on port: Int) {
        guard let host else { return }
        text.withLock { $0 = "http://\(host):\(port)" }
    }
}
