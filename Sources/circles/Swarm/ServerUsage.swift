import Foundation

/// What a process has used so far, as the kernel counts it.
struct ServerUsage {
    /// User and system time of all threads, those that have ended included.
    var cpuMicroseconds: Int64
    /// Of the threads named `media-…` alone; `nil` when there is none.
    var mediaThreadsCPUMicroseconds: Int64?
    var residentBytes: Int64

    /// - Returns: `nil` when there is no such process.
    init?(pid: Int32) {
        let folder = "/proc/\(pid)"
        guard let cpu = Self.cpuMicroseconds(folder + "/stat"),
            let status = try? String(contentsOfFile: folder + "/status", encoding: .utf8),
            let resident = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = resident.split(whereSeparator: \.isWhitespace).dropFirst().first
                .flatMap({ Int64($0) })
        else { return nil }
        cpuMicroseconds = cpu
        residentBytes = kibibytes << 10
        // A thread may end between the listing and the look.
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/task")) ?? []
        let media = threads.filter { thread in
            let name = try? String(
                contentsOfFile: "\(folder)/task/\(thread)/comm", encoding: .utf8)
            return name?.hasPrefix("media-") == true
        }
        .compactMap { Self.cpuMicroseconds("\(folder)/task/\($0)/stat") }
        mediaThreadsCPUMicroseconds = media.isEmpty ? nil : media.reduce(0, +)
    }

    /// Fields 14 and 15 of a `stat` file. Source: proc(5).
    private static func cpuMicroseconds(_ path: String) -> Int64? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            // The name before it may hold anything.
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12])
        else { return nil }
        return (user + system) * 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
    }
}
