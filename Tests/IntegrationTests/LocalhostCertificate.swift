import Embedded
import Foundation

/// Certificates for localhost that no authority has signed, made once each.
struct LocalhostCertificate {
    /// Paths of PEM files.
    let chain: String
    let key: String

    private let folder: String

    private init() throws {
        folder = NSTemporaryDirectory() + "circles-certificate-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        (chain, key) = ("\(folder)/cert.pem", "\(folder)/key.pem")
    }

    static let good = Result {
        let made = try LocalhostCertificate()
        try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", made.key,
            "-out", made.chain,
        ])
        return made
    }

    /// One that ended long ago; only `openssl ca` can date one back.
    static let expired = Result {
        let made = try LocalhostCertificate()
        let (settings, request) = ("\(made.folder)/ca.cnf", "\(made.folder)/request.pem")
        let configuration = """
            [ca]
            default_ca = own
            [own]
            new_certs_dir = \(made.folder)
            database = \(made.folder)/index.txt
            rand_serial = yes
            default_md = sha256
            policy = any
            [any]
            commonName = supplied
            """
        for (path, text) in [settings: configuration, "\(made.folder)/index.txt": ""] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        try openssl([
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout",
            made.key, "-out", request,
        ])
        try openssl([
            "ca", "-batch", "-selfsign", "-config", settings, "-keyfile", made.key, "-in", request,
            "-notext", "-out", made.chain, "-startdate", "20200101000000Z", "-enddate",
            "20200102000000Z",
        ])
        return made
    }

    private static func openssl(_ arguments: [String]) throws {
        let made = try ChildProcess.run(["openssl"] + arguments)
        guard made.status == 0 else { throw CocoaError(.executableLoad) }
    }
}
