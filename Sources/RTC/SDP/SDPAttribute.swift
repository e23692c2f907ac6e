/// An `a=` line that is kept as it came.
public struct SDPAttribute: Sendable, Hashable {
    public var name: String
    /// After the colon; `nil` for a flag.
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }

    init(line: Substring) {
        if let (name, value) = line.cut(at: ":") {
            self.init(String(name), String(value))
        } else {
            self.init(String(line))
        }
    }

    var line: String {
        value.map { "a=\(name):\($0)" } ?? "a=\(name)"
    }
}
