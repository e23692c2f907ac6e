internal import CZlib
import Crypto
import Foundation

/// A file that is there whole or not at all: written beside its place, made durable, and then
/// moved there.
final class ExportFile {
    private let path: String
    private let handle: FileHandle
    private var hash = SHA256()
    private var buffer = Data()
    private var deflater: Deflater?
    private(set) var byteCount = 0
    private static let flushByteCount = 256 << 10

    private var partPath: String { path + ".part" }

    /// - Parameter isCompressed: whether to write gzip.
    init(path: String, isCompressed: Bool) throws {
        self.path = path
        // What a run that was killed has left is written over.
        let descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Export.Failure.unwritable(path: path + ".part", reason: lastSystemError())
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        if isCompressed { deflater = try Deflater() }
        buffer.reserveCapacity(Self.flushByteCount + 4096)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let deflater {
            try deflater.add(bytes, isLast: false, to: &buffer)
        } else {
            buffer.append(contentsOf: bytes)
        }
        if buffer.count >= Self.flushByteCount { try flush() }
    }

    /// - Returns: the SHA-256 of the file, in hex.
    func finish() throws -> String {
        if let deflater {
            try deflater.add(
                UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, to: &buffer)
        }
        try flush()
        do {
            try handle.synchronize()
            try handle.close()
        } catch {
            throw Export.Failure.unwritable(path: partPath, reason: error.localizedDescription)
        }
        try moveIntoPlace(partPath, path)
        return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
    }

    /// Takes away what was written.
    func abandon() {
        // Left behind, it is written over by the next run.
        try? handle.close()
        try? FileManager.default.removeItem(atPath: partPath)
    }

    private func flush() throws {
        guard !buffer.isEmpty else { return }
        do {
            try handle.write(contentsOf: buffer)
        } catch {
            throw Export.Failure.unwritable(path: partPath, reason: error.localizedDescription)
        }
        hash.update(data: buffer)
        byteCount += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes a small file whole.
    static func write(_ data: Data, to path: String) throws {
        let file = try ExportFile(path: path, isCompressed: false)
        try data.withUnsafeBytes { try file.write($0) }
        _ = try file.finish()
    }
}

private func lastSystemError() -> String { String(cString: strerror(errno)) }

/// Renames, and makes the folder remember it.
private func moveIntoPlace(_ source: String, _ target: String) throws {
    guard rename(source, target) == 0 else {
        throw Export.Failure.unwritable(path: target, reason: lastSystemError())
    }
    let folder = open((target as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY)
    guard folder >= 0, fsync(folder) == 0, close(folder) == 0 else {
        throw Export.Failure.unwritable(path: target, reason: lastSystemError())
    }
}

/// zlib as gzip writes it, without a time: the same rows are the same bytes.
private final class Deflater {
    /// zlib remembers where it is: it must not move.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var output = [UInt8](repeating: 0, count: 64 << 10)

    init() throws {
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            throw Export.Failure.unwritable(path: "gzip", reason: "out of memory")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func add(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to data: inout Data) throws {
        // zlib only reads its input.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        while true {
            let (status, isFull) = output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                let status = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                data.append(contentsOf: output[..<(output.count - Int(stream.pointee.avail_out))])
                return (status, stream.pointee.avail_out == 0)
            }
            if isLast ? status == Z_STREAM_END : !isFull { return }
            guard status == Z_OK || status == Z_BUF_ERROR else {
                throw Export.Failure.unwritable(path: "gzip", reason: "zlib \(status)")
            }
        }
    }
}
