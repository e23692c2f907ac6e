import Foundation

/// The files of Swagger UI, read once at the start, and the page that shows them. No path of a
/// client touches the disk: assets are found by name in a fixed list.
struct SwaggerUI: Sendable {
    /// By name, as under `/docs/`.
    let assets: [String: StaticContent]
    let page = StaticContent(Array(Self.html.utf8), contentType: "text/html; charset=utf-8")

    private static let files = [
        "swagger-ui.css": "text/css; charset=utf-8",
        "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
        "favicon-32x32.png": "image/png",
    ]
    /// The release that we install has 1.6 MB in its largest file.
    private static let fileByteCountMax = 16 << 20

    /// - Returns: `nil` unless the folder holds each of the files.
    init?(directory: String) {
        var assets = [
            "start.js": StaticContent(
                Array(Self.script.utf8), contentType: "text/javascript; charset=utf-8")
        ]
        for (name, contentType) in Self.files {
            let file = URL(fileURLWithPath: directory).appendingPathComponent(name)
            // Whatever is wrong with it, the page says that it is not installed.
            guard let bytes = try? Data(contentsOf: file), bytes.count <= Self.fileByteCountMax
            else { return nil }
            assets[name] = StaticContent(Array(bytes), contentType: contentType)
        }
        self.assets = assets
    }

    /// Nothing but our own files and requests to ourselves. Swagger UI's icons are `data:` URLs.
    static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        + "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"

    private static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Circles API</title>
        <link rel="stylesheet" href="/docs/swagger-ui.css">
        <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
        </head>
        <body>
        <div id="swagger-ui"></div>
        <script src="/docs/swagger-ui-bundle.js"></script>
        <script src="/docs/start.js"></script>
        </body>
        </html>

        """

    /// In a file of its own, because the policy allows no script in the page. The validator is
    /// a service elsewhere and would be told of the document.
    private static let script = """
        window.ui = SwaggerUIBundle({
          url: "/openapi.json",
          dom_id: "#swagger-ui",
          deepLinking: true,
          displayRequestDuration: true,
          tryItOutEnabled: true,
          validatorUrl: null,
        });

        """
}
