import Foundation
import Yams

/// The contract of the API: what `openapi.yaml` beside this file says, in both of its forms.
/// Source: OpenAPI Specification 3.1.
struct OpenAPIDocument: Sendable {
    let yaml: StaticContent
    let json: StaticContent

    /// - Throws: `YamlError`, or `YAMLToJSON.Failure` for what JSON cannot say.
    init(yaml text: String) throws {
        yaml = StaticContent(Array(text.utf8), contentType: "application/yaml")
        json = StaticContent(
            Array(try YAMLToJSON.convert(text).utf8), contentType: "application/json")
    }

    /// The document that this program was built with. It is a file beside the program, in
    /// `circles_API.resources`: without it the program was not installed whole.
    static let current: OpenAPIDocument = {
        guard let file = Bundle.module.url(forResource: "openapi", withExtension: "yaml") else {
            preconditionFailure("openapi.yaml belongs beside the program")
        }
        do {
            return try OpenAPIDocument(yaml: String(contentsOf: file, encoding: .utf8))
        } catch {
            preconditionFailure("openapi.yaml is no document: \(error)")
        }
    }()
}
