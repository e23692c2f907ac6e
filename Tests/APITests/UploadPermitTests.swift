import Crypto
import Domain
import Testing

@testable import API

@Suite("Signed URLs of the API's own uploads")
struct UploadPermitTests {
    private let key = UploadPermit.key(from: "a secret with more than thirty-two bytes")
    private let name = CoverName(id: Identifier(high: 0x7000, low: 1 << 63), type: .png)
    private let now = Timestamp(seconds: 1_795_426_200)

    private var permit: UploadPermit {
        UploadPermit(name: name, byteCount: 700, expiresAtSeconds: 1_795_426_800)
    }

    private func fields(_ query: String) -> [(name: String, value: String)] {
        query.replacing("%2F", with: "/").split(separator: "&").map { field in
            let parts = field.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
    }

    /// The problem's code; `nil` when the query is a permit.
    private func refusal(
        _ fields: [(name: String, value: String)], name: CoverName? = nil,
        key: SymmetricKey? = nil, now: Timestamp? = nil
    ) -> String? {
        do throws(Problem) {
            _ = try UploadPermit(
                name: name ?? self.name, query: fields, key: key ?? self.key, now: now ?? self.now)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("a URL of ours is taken until its time")
    func takesOurs() throws {
        let fields = fields(permit.query(key: key))
        #expect(try UploadPermit(name: name, query: fields, key: key, now: now) == permit)
        #expect(refusal(fields, now: now.adding(seconds: 599)) == nil)
        #expect(refusal(fields, now: now.adding(seconds: 600)) == "upload_expired")
    }

    @Test("nothing in it can be changed")
    func refusesChanges() {
        let fields = fields(permit.query(key: key))
        for index in fields.indices {
            var changed = fields
            changed[index].value = "0"
            #expect(refusal(changed) == "upload_signature_invalid")
            changed[index].value = fields[index].value + "0"
            #expect(refusal(changed) == "upload_signature_invalid")
            changed[index].value = " " + fields[index].value
            #expect(refusal(changed) == "upload_signature_invalid")
            changed[index] = ("extra", fields[index].value)
            #expect(refusal(changed) == "upload_signature_invalid")
            #expect(refusal(fields + [fields[index]]) == "upload_signature_invalid")
            changed.remove(at: index)
            #expect(refusal(changed) == "upload_signature_invalid")
        }
        let other = CoverName(id: Identifier(high: 0x7000, low: 1 << 63 | 1), type: .png)
        #expect(refusal(fields, name: other) == "upload_signature_invalid")
        let jpeg = CoverName(id: name.id, type: .jpeg)
        #expect(refusal(fields, name: jpeg) == "upload_signature_invalid")
        let key = UploadPermit.key(from: "another secret of more than thirty bytes")
        #expect(refusal(fields, key: key) == "upload_signature_invalid")
    }

    @Test("a signature has one spelling, and each bit of it counts")
    func bindsEachBit() throws {
        var fields = fields(permit.query(key: key))
        let index = try #require(fields.firstIndex { $0.name == "signature" })
        let bytes = try #require(Hex.decode(fields[index].value))
        for position in bytes.indices {
            for bit in 0..<8 {
                var altered = bytes
                altered[position] ^= 1 << bit
                fields[index].value = Hex.encode(altered)
                #expect(refusal(fields) == "upload_signature_invalid")
            }
        }
        fields[index].value = Hex.encode(bytes).uppercased()
        #expect(refusal(fields) == "upload_signature_invalid")
        fields[index].value = Hex.encode(bytes.dropLast())
        #expect(refusal(fields) == "upload_signature_invalid")
    }

    @Test("numbers that fit nowhere are refused, not computed with")
    func survivesNumbers() {
        for text in ["-1", "99999999999999999999", "9223372036854775807", "+1", "0x1", "1e9", ""] {
            for field in ["byteCount", "expires"] {
                var fields = fields(permit.query(key: key))
                for index in fields.indices where fields[index].name == field {
                    fields[index].value = text
                }
                #expect(refusal(fields) == "upload_signature_invalid")
            }
        }
    }

    @Test(
        "a name is one of ours to the letter: no path, no other spelling",
        arguments: [
            "", ".png", "x.png", "../x.png", "00000000-0000-7000-8000-000000000000",
            "00000000-0000-7000-8000-000000000000.gif", "00000000-0000-7000-8000-000000000000.PNG",
            "00000000-0000-7000-8000-000000000000.png.png",
            "00000000-0000-7000-8000-000000000000.png%00", "00000000-0000-7000-8000-000000000000.",
            "00000000-0000-7000-8000-00000000000A.png", "..%2f..%2fetc%2fpasswd",
            "%30000000-0000-7000-8000-000000000000.png",
            "00000000-0000-7000-8000-000000000000.png\u{0}",
            "/00000000-0000-7000-8000-000000000000.png",
            "00000000-0000-7000-8000-000000000000.png/",
            " 00000000-0000-7000-8000-000000000000.png",
        ])
    func refusesNames(text: String) {
        #expect(CoverName(text) == nil)
    }

    @Test("a name of ours is read back")
    func readsNames() {
        #expect(name.description == "00000000-0000-7000-8000-000000000000.png")
        for type in ImageType.allCases {
            let name = CoverName(id: name.id, type: type)
            #expect(CoverName(name.description) == name)
        }
    }
}
