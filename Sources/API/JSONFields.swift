import Domain

/// Takes the fields of a JSON object one by one and remembers everything that is wrong with
/// them, so that a client is told all of it at once.
struct JSONFields {
    private var object: [String: JSONValue]
    private var errors: [Problem.FieldError] = []

    init(_ object: [String: JSONValue]) {
        self.object = object
    }

    /// - Throws: `Problem` when a field was wrong or one is left that nobody took.
    mutating func finish() throws(Problem) {
        for name in object.keys.sorted() {
            fail(name, "is not a field of this request")
        }
        object.removeAll()
        guard errors.isEmpty else { throw Problem.validation(errors) }
    }

    /// Past so many a client learns nothing new.
    private static let errorCountMax = 20

    mutating func fail(_ field: String, _ message: String) {
        guard errors.count < Self.errorCountMax else { return }
        errors.append(.init(field: String(field.prefix(100)), message: message))
    }

    private mutating func take(_ name: String) -> JSONValue? {
        guard let value = object.removeValue(forKey: name), value != .null else { return nil }
        return value
    }

    mutating func string(_ name: String, characterCount: ClosedRange<Int>) -> String? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value else {
            fail(name, "must be a string")
            return nil
        }
        guard !text.unicodeScalars.contains(where: { $0.value == 0 }) else {
            fail(name, "must not contain a NUL character")
            return nil
        }
        guard characterCount.contains(text.count) else {
            fail(
                name,
                "must have \(characterCount.lowerBound) to \(characterCount.upperBound) characters")
            return nil
        }
        // A grapheme cluster may be of any length; what is stored may not.
        guard text.utf8.count <= characterCount.upperBound * 8 else {
            fail(name, "must have at most \(characterCount.upperBound * 8) bytes")
            return nil
        }
        return text
    }

    mutating func required<Value>(_ name: String, _ value: Value?) -> Value? {
        if value == nil, !errors.contains(where: { $0.field == name }) {
            fail(name, "is required")
        }
        return value
    }

    mutating func integer(_ name: String, range: ClosedRange<Int>) -> Int? {
        guard let value = take(name) else { return nil }
        guard case .integer(let number) = value, let integer = Int(exactly: number) else {
            fail(name, "must be an integer")
            return nil
        }
        guard range.contains(integer) else {
            fail(name, "must be from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let value = take(name) else { return nil }
        guard case .bool(let bool) = value else {
            fail(name, "must be true or false")
            return nil
        }
        return bool
    }

    mutating func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, of _: Value.Type = Value.self
    ) -> Value? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value, let choice = Value(rawValue: text) else {
            fail(name, "must be one of " + Value.allCases.map(\.rawValue).joined(separator: ", "))
            return nil
        }
        return choice
    }

    mutating func time(_ name: String) -> Timestamp? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value, let time = Timestamp(rfc3339: text),
            text.utf8.count > 10
        else {
            fail(name, "must be an RFC 3339 time such as 2026-11-23T18:00:00Z")
            return nil
        }
        return time
    }

    /// Printable ASCII without spaces.
    mutating func name(_ name: String, byteCount: ClosedRange<Int>) -> String? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value, Limits.isName(text, byteCount: byteCount) else {
            fail(
                name,
                "must have \(byteCount.lowerBound) to \(byteCount.upperBound) printable ASCII characters"
            )
            return nil
        }
        return text
    }

    mutating func uid(_ name: String) -> String? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value, isUID(text) else {
            fail(name, "must be a uid of 1 to 128 printable ASCII characters")
            return nil
        }
        return text
    }

    mutating func uids(_ name: String, countMax: Int) -> [String]? {
        guard let value = take(name) else { return nil }
        guard case .array(let values) = value else {
            fail(name, "must be an array of uids")
            return nil
        }
        guard values.count <= countMax else {
            fail(name, "must have at most \(countMax) entries")
            return nil
        }
        var uids: [String] = []
        for value in values {
            guard case .string(let text) = value, isUID(text) else {
                fail(name, "must hold only uids of 1 to 128 printable ASCII characters")
                return nil
            }
            if !uids.contains(text) { uids.append(text) }
        }
        return uids
    }

    mutating func webURL(_ name: String) -> String? {
        guard let text = string(name, characterCount: 0...Limits.coverURLByteCountMax) else {
            return nil
        }
        guard text.utf8.count <= Limits.coverURLByteCountMax else {
            fail(name, "must have at most \(Limits.coverURLByteCountMax) bytes")
            return nil
        }
        let hasHost = text.hasPrefix("https://") && text.utf8.count > 8
        guard text.isEmpty || hasHost && text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            fail(name, "must be an https URL")
            return nil
        }
        return text
    }
}

/// Whether a text may name a user: as Firebase has it, 1 to 128 bytes; printable ASCII.
func isUID(_ text: String) -> Bool {
    Limits.isName(text, byteCount: Limits.uidByteCount)
}
