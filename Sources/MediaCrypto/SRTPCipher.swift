internal import COpenSSL

/// The transform of one direction of SRTP or SRTCP, without any packet bookkeeping: the caller
/// gives the index and keeps it from being used twice.
///
/// Cost: no allocation. GCM is one call into C; CM is two, its HMAC keyed beforehand.
struct SRTPCipher: ~Copyable {
    let profile: SRTPProfile
    /// Owned; one thread at a time, as OpenSSL asks of an EVP_CIPHER_CTX.
    private let cipher: OpaquePointer
    /// Owned; nil for GCM.
    private let hmac: OpaquePointer?
    /// The salt at the place where it enters the IV: 96 bits for GCM, 128 for CM.
    private let salt: UInt128

    /// A GCM context either seals or opens.
    enum Direction { case seal, open }

    /// Throws: `wrongKeyLength`, `cipherUnavailable`.
    init(_ key: SRTPSessionKey, _ direction: Direction) throws(SRTPError) {
        guard
            key.encryption.count == key.profile.keyByteCount,
            key.salt.count == key.profile.saltByteCount
        else { throw .wrongKeyLength }
        var hmac: OpaquePointer?
        let cipher: OpaquePointer?
        switch key.profile {
        case .aeadAES128GCM:
            cipher = circles_gcm_new(key.encryption, direction == .seal ? 1 : 0)
        case .aes128CMSHA1_80:
            cipher = circles_ctr_new(key.encryption)
            hmac = circles_hmac_sha1_new(key.authentication, key.authentication.count)
        }
        guard let cipher, hmac != nil || key.profile == .aeadAES128GCM else {
            circles_cipher_free(cipher)
            circles_hmac_sha1_free(hmac)
            throw .cipherUnavailable
        }
        profile = key.profile
        self.cipher = cipher
        self.hmac = hmac
        salt = UInt128(
            bigEndianBytes: key.salt, fillingTo: key.profile == .aeadAES128GCM ? 12 : 16)
    }

    deinit {
        circles_cipher_free(cipher)
        circles_hmac_sha1_free(hmac)
    }

    /// GCM's IV: zero16 ‖ SSRC ‖ 48-bit index, combined with the salt. For SRTCP the index has
    /// 31 bits, which gives the layout of its own section. Source: RFC 7714 §8.1, §9.1.
    private func gcmIV(_ ssrc: UInt32, _ index: UInt64) -> UInt128 {
        (UInt128(ssrc) << 48 | UInt128(index)) ^ salt
    }

    /// AES-CM's IV: (salt << 16) ^ (SSRC << 64) ^ (index << 16). Source: RFC 3711 §4.1.1.
    private func xorKeystream(
        _ ssrc: UInt32, _ index: UInt64, _ data: UnsafeMutablePointer<UInt8>, _ length: Int
    ) -> Bool {
        let iv = salt ^ (UInt128(ssrc) << 64) ^ (UInt128(index) << 16)
        return circles_ctr_xor(
            cipher, UInt64(truncatingIfNeeded: iv >> 64), UInt64(truncatingIfNeeded: iv), data,
            length) == 0
    }

    private func seal(
        _ ssrc: UInt32, _ index: UInt64, aad: UnsafePointer<UInt8>, _ aadLength: Int,
        trailer: UnsafePointer<UInt8>?, _ data: UnsafeMutablePointer<UInt8>, _ length: Int,
        tag: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let iv = gcmIV(ssrc, index)
        return circles_gcm_seal(
            cipher, UInt32(truncatingIfNeeded: iv >> 64), UInt64(truncatingIfNeeded: iv), aad,
            aadLength, trailer, trailer == nil ? 0 : 4, data, length, tag) == 0
    }

    private func open(
        _ ssrc: UInt32, _ index: UInt64, aad: UnsafePointer<UInt8>, _ aadLength: Int,
        trailer: UnsafePointer<UInt8>?, _ data: UnsafeMutablePointer<UInt8>, _ length: Int,
        tag: UnsafePointer<UInt8>
    ) -> Bool {
        let iv = gcmIV(ssrc, index)
        return circles_gcm_open(
            cipher, UInt32(truncatingIfNeeded: iv >> 64), UInt64(truncatingIfNeeded: iv), aad,
            aadLength, trailer, trailer == nil ? 0 : 4, data, length, tag) == 0
    }
}

// SRTP: header ‖ encrypted payload ‖ tag. Source: RFC 3711 §3.1, RFC 7714 §8.
extension SRTPCipher {
    /// Seals `packet[headerLength..<length]` and appends the tag: the new length, -1 when
    /// OpenSSL fails. `index` is ROC << 16 | sequence number.
    func sealRTP(
        _ packet: UnsafeMutablePointer<UInt8>, headerLength: Int, length: Int, ssrc: UInt32,
        index: UInt64
    ) -> Int {
        let data = packet + headerLength
        let tag = packet + length
        switch profile {
        case .aeadAES128GCM:
            guard
                seal(
                    ssrc, index, aad: packet, headerLength, trailer: nil, data,
                    length - headerLength, tag: tag)
            else { return -1 }
        case .aes128CMSHA1_80:
            guard xorKeystream(ssrc, index, data, length - headerLength) else { return -1 }
            var rolloverCounter = UInt32(truncatingIfNeeded: index >> 16)
            circles_hmac_sha1_tag80(hmac, packet, length, &rolloverCounter, tag)
        }
        return length + profile.tagByteCount
    }

    /// Opens a packet whose `length` includes the tag and is at least that of header and tag:
    /// the new length, -1 when it is not authentic.
    func openRTP(
        _ packet: UnsafeMutablePointer<UInt8>, headerLength: Int, length: Int, ssrc: UInt32,
        index: UInt64
    ) -> Int {
        let end = length - profile.tagByteCount
        let data = packet + headerLength
        switch profile {
        case .aeadAES128GCM:
            guard
                open(
                    ssrc, index, aad: packet, headerLength, trailer: nil, data,
                    end - headerLength, tag: packet + end)
            else { return -1 }
        case .aes128CMSHA1_80:
            var rolloverCounter = UInt32(truncatingIfNeeded: index >> 16)
            guard
                circles_hmac_sha1_matches80(hmac, packet, end, &rolloverCounter, packet + end)
                    == 1,
                xorKeystream(ssrc, index, data, end - headerLength)
            else { return -1 }
        }
        return end
    }
}

// SRTCP, of which eight bytes stay clear. Source: RFC 3711 §3.4, RFC 7714 §9.
//   GCM: header ‖ encrypted ‖ tag ‖ E and index      CM: header ‖ encrypted ‖ E and index ‖ tag
extension SRTPCipher {
    static let rtcpHeaderByteCount = 8
    static let rtcpTrailerByteCount = 4

    /// Seals `packet[8..<length]` and appends tag and trailer: the new length, -1 when OpenSSL
    /// fails. `index` is below 2^31.
    func sealRTCP(
        _ packet: UnsafeMutablePointer<UInt8>, length: Int, ssrc: UInt32, index: UInt32
    ) -> Int {
        let header = Self.rtcpHeaderByteCount
        let data = packet + header
        let word = (0x8000_0000 | index).bigEndian
        switch profile {
        case .aeadAES128GCM:
            let trailer = packet + length + profile.tagByteCount
            UnsafeMutableRawPointer(trailer).storeBytes(of: word, as: UInt32.self)
            guard
                seal(
                    ssrc, UInt64(index), aad: packet, header, trailer: trailer, data,
                    length - header, tag: packet + length)
            else { return -1 }
        case .aes128CMSHA1_80:
            guard xorKeystream(ssrc, UInt64(index), data, length - header) else { return -1 }
            let trailer = packet + length
            UnsafeMutableRawPointer(trailer).storeBytes(of: word, as: UInt32.self)
            let covered = length + Self.rtcpTrailerByteCount
            circles_hmac_sha1_tag80(hmac, packet, covered, nil, packet + covered)
        }
        return length + profile.tagByteCount + Self.rtcpTrailerByteCount
    }

    /// Where the trailer of a packet of `length` bytes starts.
    func rtcpTrailerOffset(length: Int) -> Int {
        switch profile {
        case .aeadAES128GCM: length - Self.rtcpTrailerByteCount
        case .aes128CMSHA1_80: length - Self.rtcpTrailerByteCount - profile.tagByteCount
        }
    }

    /// Opens a packet whose `length` includes tag and trailer and is at least that of header,
    /// tag and trailer: the new length, -1 when it is not authentic.
    func openRTCP(
        _ packet: UnsafeMutablePointer<UInt8>, length: Int, ssrc: UInt32, index: UInt32
    ) -> Int {
        let header = Self.rtcpHeaderByteCount
        let data = packet + header
        let end = length - profile.tagByteCount - Self.rtcpTrailerByteCount
        switch profile {
        case .aeadAES128GCM:
            guard
                open(
                    ssrc, UInt64(index), aad: packet, header,
                    trailer: packet + rtcpTrailerOffset(length: length), data, end - header,
                    tag: packet + end)
            else { return -1 }
        case .aes128CMSHA1_80:
            let covered = end + Self.rtcpTrailerByteCount
            guard
                circles_hmac_sha1_matches80(hmac, packet, covered, nil, packet + covered) == 1,
                xorKeystream(ssrc, UInt64(index), data, end - header)
            else { return -1 }
        }
        return end
    }
}
