@testable import RTC

/// A STUN message as anybody could send it, well formed or not.
struct STUNCheck {
    /// Binding request.
    var type: UInt16 = 0x0001
    var username: String?
    var password: String?
    var nominates = true
    /// Further attributes, in front of the integrity.
    var attributes: [(type: UInt16, value: [UInt8])] = []
    var hasFingerprint = true
    var hasWrongFingerprint = false

    /// What a browser sends: username, priority, role, nomination, integrity, fingerprint.
    var bytes: [UInt8] {
        var all = attributes
        if let username { all.append((0x0006, Array(username.utf8))) }
        all.append((0x0024, [0x6E, 0x7F, 0x1E, 0xFF]))
        all.append((0x802A, [1, 2, 3, 4, 5, 6, 7, 8]))
        if nominates { all.append((0x0025, [])) }
        var bytes =
            Self.big(type) + [0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 9, count: 12)
        for attribute in all { Self.append(attribute.type, attribute.value, to: &bytes) }
        if let password { appendIntegrity(password, to: &bytes) }
        guard hasFingerprint else { return bytes }
        let offset = bytes.count
        Self.append(0x8028, [0, 0, 0, 0], to: &bytes)
        let checksum = bytes.withUnsafeBytes {
            CRC32.checksum(of: UnsafeRawBufferPointer(rebasing: $0[0..<offset]))
        }
        let value = checksum ^ 0x5354_554E ^ (hasWrongFingerprint ? 1 : 0)
        for index in 0..<4 {
            bytes[offset + 4 + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(index)))
        }
        return bytes
    }

    private func appendIntegrity(_ password: String, to bytes: inout [UInt8]) {
        let offset = bytes.count
        var code = [UInt8](repeating: 0, count: 20)
        bytes.withUnsafeBytes { message in
            Array(password.utf8).withUnsafeBytes { key in
                code.withUnsafeMutableBytes {
                    STUNIntegrity.compute(over: message, upTo: offset, key: key, into: $0)
                }
            }
        }
        Self.append(0x0008, code, to: &bytes)
    }

    private static func append(_ type: UInt16, _ value: [UInt8], to bytes: inout [UInt8]) {
        bytes += big(type) + big(UInt16(value.count)) + value
        while bytes.count % 4 != 0 { bytes.append(0) }
        let length = big(UInt16(bytes.count - 20))
        bytes[2] = length[0]
        bytes[3] = length[1]
    }

    private static func big(_ number: UInt16) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 0xFF)]
    }

    /// As this client sends it.
    static func of(_ client: VirtualClient) -> STUNCheck {
        STUNCheck(
            username: client.credentials.ufrag + ":" + client.media.credentials.ufrag,
            password: client.credentials.password)
    }
}
