/// The digest of a certificate's DER form, as an SDP carries it. Source: RFC 8122 §5.
public struct CertificateFingerprint: Sendable, Hashable {
    /// The hash functions of the SHA family; MD5 and MD2 are refused.
    public enum HashFunction: String, Sendable, CaseIterable {
        case sha1 = "sha-1"
        case sha224 = "sha-224"
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"

        /// Bytes of its digest.
        public var byteCount: Int {
            switch self {
            case .sha1: 20
            case .sha224: 28
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }
    }

    public let hashFunction: HashFunction
    /// `hashFunction.byteCount` bytes.
    public let bytes: [UInt8]

    /// Nil when `bytes` has not the length of the function's digest.
    public init?(hashFunction: HashFunction, bytes: [UInt8]) {
        guard bytes.count == hashFunction.byteCount else { return nil }
        self.hashFunction = hashFunction
        self.bytes = bytes
    }

    /// Reads the value of `a=fingerprint`, such as `sha-256 4A:AD:…`, in either case. Nil for
    /// another hash function, other separators, or a digest of another length.
    public init?(sdp: some StringProtocol) {
        let parts = sdp.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2,
            let function = HashFunction.allCases.first(where: {
                $0.rawValue.utf8.elementsEqual(parts[0].lazy.map(Self.lowercased))
            }),
            parts[1].count == 3 * function.byteCount - 1
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(function.byteCount)
        for pair in parts[1].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            guard pair.count == 2, let high = pair.first.flatMap(Self.nibble),
                let low = pair.dropFirst().first.flatMap(Self.nibble)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(hashFunction: function, bytes: bytes)
    }

    /// The value of `a=fingerprint`: the function in lower case, the digest in upper case.
    public var sdp: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text = Array(hashFunction.rawValue.utf8)
        for (position, byte) in bytes.enumerated() {
            text.append(UInt8(ascii: position == 0 ? " " : ":"))
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
