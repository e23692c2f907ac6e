import Domain
import Foundation
import Testing

@testable import API

@Suite("The folder of covers")
struct CoverFolderTests {
    private let now = Timestamp(seconds: 1_795_426_200)

    private func name(_ number: UInt64) -> CoverName {
        CoverName(id: Identifier(high: 0x7000, low: 1 << 63 | number), type: .png)
    }

    /// Runs `body` with the path of a folder that is not there yet.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-folder-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }  // the test may not make it
        try body(path)
    }

    private func files(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test("a cover is stored whole, under its name, for the API's user only")
    func stores() throws {
        try withFolder { path in
            let folder = try CoverFolder(path: path, now: now)
            #expect(folder.existingPath(of: name(1)) == nil)
            #expect(try folder.store([1, 2, 3], as: name(1)) == .stored)
            let file = try #require(folder.existingPath(of: name(1)))
            #expect(FileManager.default.contents(atPath: file) == Data([1, 2, 3]))
            #expect(try files(path) == [name(1).description])
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test("a cover never changes: the same bytes again are fine, others are refused")
    func keeps() throws {
        try withFolder { path in
            let folder = try CoverFolder(path: path, now: now)
            _ = try folder.store([1, 2, 3], as: name(1))
            #expect(try folder.store([1, 2, 3], as: name(1)) == .repeated)
            let problem = #expect(throws: Problem.self) {
                try folder.store([1, 2, 4], as: name(1))
            }
            #expect(problem?.code == "upload_already_used")
            let file = try #require(folder.existingPath(of: name(1)))
            #expect(FileManager.default.contents(atPath: file) == Data([1, 2, 3]))
            #expect(try files(path).count == 1)
        }
    }

    private func refusal(_ folder: CoverFolder, _ byteCount: Int) -> String? {
        do throws(Problem) {
            try folder.reserve(byteCount)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("there is room for so many uploads, files and bytes, and what fails gives it back")
    func bounds() throws {
        try withFolder { path in
            let limits = CoverFolder.Limits(
                storedByteCountMax: 100, storedFileCountMax: 3, uploadCountMax: 2)
            let folder = try CoverFolder(path: path, limits: limits, now: now)
            #expect(refusal(folder, 101) == "upload_storage_full")
            #expect(refusal(folder, 60) == nil)
            #expect(refusal(folder, 41) == "upload_storage_full")
            #expect(refusal(folder, 40) == nil)
            #expect(refusal(folder, 0) == "overloaded")
            folder.release(40, isStored: false)
            folder.release(60, isStored: true)
            #expect(refusal(folder, 41) == "upload_storage_full")
            #expect(refusal(folder, 20) == nil)
            folder.release(20, isStored: true)
            #expect(refusal(folder, 1) == nil)
            folder.release(1, isStored: true)
            #expect(refusal(folder, 1) == "upload_storage_full")
        }
    }

    @Test("a start counts what is there, and clears away what a crash broke off, when it is old")
    func restarts() throws {
        try withFolder { path in
            _ = try CoverFolder(path: path, now: now).store([1, 2, 3], as: name(1))
            for (file, age) in [(".new.part", 60.0), (".old.part", 3601.0)] {
                let changed = Date(timeIntervalSince1970: 1_795_426_200 - age)
                #expect(
                    FileManager.default.createFile(
                        atPath: "\(path)/\(file)", contents: Data([0]),
                        attributes: [.modificationDate: changed]))
                try FileManager.default.setAttributes(
                    [.modificationDate: changed], ofItemAtPath: "\(path)/\(file)")
            }
            let limits = CoverFolder.Limits(storedByteCountMax: 10)
            let folder = try CoverFolder(path: path, limits: limits, now: now)
            #expect(try files(path) == [name(1).description, ".new.part"].sorted())
            #expect(refusal(folder, 8) == "upload_storage_full")
            #expect(refusal(folder, 7) == nil)
        }
    }

    @Test("a folder that cannot be made is told at the start")
    func refusesPlaces() {
        #expect(throws: (any Error).self) { try CoverFolder(path: "/dev/null/covers", now: now) }
    }
}

@Suite("How clients reach the API")
struct PublicAddressTests {
    @Test("as configured, or by host and the port that is really open")
    func tells() {
        let fixed = PublicAddress(url: "https://api.test/", host: "0.0.0.0", port: 0)
        fixed.listens(on: 5000)
        #expect(fixed.url == "https://api.test")
        let found = PublicAddress(url: "", host: "127.0.0.1", port: 0)
        found.listens(on: 5000)
        #expect(found.url == "http://127.0.0.1:5000")
        #expect(PublicAddress(url: "", host: "::1", port: 80).url == "http://[::1]:80")
    }
}

@Suite("Covers of our own as a circle's coverUrl")
struct OwnCoverURLTests {
    private static let cover = "00000000-0000-7000-8000-000000000000.png"

    @Test(
        "our own URL is taken although it is plain http, and nothing that only looks like it",
        arguments: [
            ("http://api.test/uploads/\(cover)", true), ("https://cdn.test/a.png", true),
            ("http://api.test/uploads/", false), ("http://api.test/uploads/x.png", false),
            ("http://api.test/uploads/../\(cover)", false),
            ("http://api.test/uploads/\(cover)?a=b", false),
            ("http://api.test/uploads/\(cover)#a", false),
            ("http://api.test:80/uploads/\(cover)", false),
            ("http://api.test.evil/uploads/\(cover)", false),
            ("http://evil@api.test/uploads/\(cover)", false),
            ("HTTP://api.test/uploads/\(cover)", false), ("http://api.test/\(cover)", false),
        ])
    func tells(url: String, isTaken: Bool) {
        var fields = JSONFields(["coverUrl": .string(url)])
        fields.coverURLPrefix = "http://api.test/uploads/"
        #expect((fields.webURL("coverUrl") == url) == isTaken)
        var strict = JSONFields(["coverUrl": .string(url)])
        #expect((strict.webURL("coverUrl") == url) == url.hasPrefix("https://"))
    }
}
