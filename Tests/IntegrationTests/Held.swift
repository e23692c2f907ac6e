/// Hands a value that one thread uses at a time to another thread.
struct Held<Value>: @unchecked Sendable {
    // @unchecked: the test's steps follow each other.
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
