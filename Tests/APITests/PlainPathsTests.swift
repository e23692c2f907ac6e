import Testing

@testable import API

@Suite("Paths and origins that are plain (RFC 3986, RFC 6454)")
struct PlainPathsTests {
    @Test(
        "a path that everyone reads alike passes",
        arguments: [
            "/", "/v1", "/v1/circles", "/v1/circles/", "/v1/circles?x=//..%2f%zz", "/a%20b",
            "/v1/circles/%00", "/v1/circles/%27%20or%20true", "/...", "/a.b/.c", "/a:b@c,d;e=f",
            "http://other.test/v1/circles", "https://other.test:80/?x=//",
        ])
    func passes(path: String) {
        #expect(PlainPaths.isPlain(path))
    }

    @Test(
        "one that two readers could take for different ones does not",
        arguments: [
            "", "v1", "*", "http://", "http://other.test", "https://other.test//v1", "ftp://a/b",
            "//", "//v1/circles", "/v1//circles", "/v1/circles//",
            "/v1/../metrics", "/v1/%2e%2e/metrics", "/v1/.%2E/metrics", "/v1/..", "/.", "/%2e",
            "/v1/./circles", "/v1%2fcircles", "/v1%2Fcircles", "/v1%5ccircles", "/v1\\circles",
            "/v1/%", "/v1/%2", "/v1/%zz", "/v1/%2x", "/v1/ä", "/v1/\u{0}", "/v1/\t", "/v1/a b",
        ])
    func refuses(path: String) {
        #expect(!PlainPaths.isPlain(path))
    }

    @Test("origins are a star, a list, or nothing")
    func readsOrigins() {
        #expect(AllowedOrigins("") == AllowedOrigins.none)
        #expect(AllowedOrigins("*") == .any)
        #expect(
            AllowedOrigins("https://a.example, http://localhost:3000")
                == .listed(["https://a.example", "http://localhost:3000"]))
        for text in [
            "a.example", "https://", "https://a.example/", "https://A.example", "ftp://a.example",
            "https://*.example", "*,https://a.example", "null",
        ] {
            #expect(AllowedOrigins(text) == nil, "\(text)")
        }
    }
}
