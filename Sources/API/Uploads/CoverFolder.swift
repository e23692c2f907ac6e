import Domain
import Foundation
import Synchronization

/// The folder where the embedded default keeps covers: written once each, never changed.
///
/// Its functions block: call them on a thread of their own.
final class CoverFolder: Sendable {
    /// An operation on the folder that failed.
    struct Failure: Error, CustomStringConvertible {
        let operation: String
        /// The system's error number.
        let code: Int32

        var description: String { "\(operation): \(String(cString: strerror(code)))" }
    }

    enum Outcome: Equatable, Sendable {
        case stored
        /// The same bytes are there already.
        case repeated
    }

    struct Limits: Sendable {
        var storedByteCountMax = UploadLimits.storedByteCountMax
        var storedFileCountMax = UploadLimits.storedFileCountMax
        var uploadCountMax = UploadLimits.concurrentUploadCountMax
    }

    private struct Usage {
        var byteCount = 0
        var fileCount = 0
        var uploadCount = 0
    }

    private let path: String
    private let limits: Limits
    /// What lies in the folder and what has been promised to uploads under way.
    private let usage: Mutex<Usage>

    private static let partExtension = ".part"
    /// What an upload left behind that was broken off, by a crash say.
    private static let abandonedAfterSeconds: Double = 3600

    /// Opens the folder, makes it if it is not there, and counts what it holds.
    init(path: String, limits: Limits = Limits(), now: Timestamp) throws {
        self.path = path
        self.limits = limits
        let files = FileManager.default
        try files.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        var found = Usage()
        for file in try files.contentsOfDirectory(atPath: path) {
            let attributes = try files.attributesOfItem(atPath: "\(path)/\(file)")
            if file.hasSuffix(Self.partExtension) {
                let changed = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
                if Double(now.microseconds) / 1_000_000 - changed > Self.abandonedAfterSeconds {
                    try files.removeItem(atPath: "\(path)/\(file)")
                }
                continue
            }
            found.fileCount += 1
            found.byteCount += (attributes[.size] as? NSNumber)?.intValue ?? 0
        }
        usage = Mutex(found)
    }

    // MARK: Room

    /// Makes room for an upload that begins; end it with `release`.
    ///
    /// - Throws: `Problem` (503, 507) when there is none.
    func reserve(_ byteCount: Int) throws(Problem) {
        let refusal: Problem? = usage.withLock { usage in
            guard usage.uploadCount < limits.uploadCountMax else { return .overloaded }
            guard usage.byteCount + byteCount <= limits.storedByteCountMax,
                usage.fileCount < limits.storedFileCountMax
            else { return .uploadStorageFull }
            usage.uploadCount += 1
            usage.fileCount += 1
            usage.byteCount += byteCount
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Ends an upload: what it reserved is taken for good only if it stored a new file.
    func release(_ byteCount: Int, isStored: Bool) {
        usage.withLock { usage in
            usage.uploadCount -= 1
            guard !isStored else { return }
            usage.fileCount -= 1
            usage.byteCount -= byteCount
        }
    }

    // MARK: Files

    /// Where a cover is, if it is there.
    func existingPath(of name: CoverName) -> String? {
        let file = filePath(name)
        return access(file, R_OK) == 0 ? file : nil
    }

    /// Stores a cover so that a crash leaves it whole or not at all.
    ///
    /// - Throws: `Problem` `upload_already_used` when another one has that name, `Failure`.
    func store(_ bytes: [UInt8], as name: CoverName) throws -> Outcome {
        let final = filePath(name)
        let part = "\(path)/.\(UUID().uuidString.lowercased())\(Self.partExtension)"
        do {
            try write(bytes, to: part)
            // A link, unlike a rename, does not replace what is there: a signed URL that is used
            // twice cannot change a cover that caches keep for ever.
            guard link(part, final) == 0 else {
                let code = errno
                guard code == EEXIST else { throw Failure(operation: "link cover", code: code) }
                unlink(part)
                let stored = FileManager.default.contents(atPath: final)
                guard stored == Data(bytes) else { throw Problem.uploadAlreadyUsed }
                return .repeated
            }
            unlink(part)
            try synchronize()
            return .stored
        } catch let failure as Failure {
            unlink(part)
            if failure.code == ENOSPC || failure.code == EDQUOT { throw Problem.uploadStorageFull }
            throw failure
        }
    }

    private func filePath(_ name: CoverName) -> String { "\(path)/\(name)" }

    private func write(_ bytes: [UInt8], to file: String) throws(Failure) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(operation: "create cover", code: errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Foundation.write(
                    descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(operation: "write cover", code: errno) }
            offset += count
        }
        guard fsync(descriptor) == 0 else { throw Failure(operation: "sync cover", code: errno) }
    }

    /// Makes the folder's entries last.
    private func synchronize() throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(operation: "open folder", code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Failure(operation: "sync folder", code: errno) }
    }
}
