import Glibc

/// What Linux counts of this process, under the names of Prometheus' own client libraries, and
/// which build it is. Source: Prometheus documentation, "Writing client libraries"; proc(5).
public struct ProcessSeries: Sendable {
    private let version: String
    /// Seconds since 1970.
    private let startedAt: Double

    /// Made when the process starts.
    public init(version: String) {
        self.version = version
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        startedAt = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    func exposition() -> String {
        var text = ""
        func add(_ name: String, _ type: String, _ meaning: String, _ value: String) {
            text += "# HELP \(name) \(meaning)\n# TYPE \(name) \(type)\n"
            text += "\(name) \(value)\n"
        }
        text +=
            "# HELP circles_build_info Which build this is; always 1.\n"
            + "# TYPE circles_build_info gauge\n"
            + "circles_build_info{version=\"\(version)\"} 1\n"
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let seconds =
                Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
                + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
            add(
                "process_cpu_seconds_total", "counter", "User and system time spent.",
                "\(seconds)")
        }
        if let pages = residentPages() {
            add(
                "process_resident_memory_bytes", "gauge", "Memory in use.",
                "\(pages * sysconf(Int32(_SC_PAGESIZE)))")
        }
        if let count = descriptorCount() {
            add("process_open_fds", "gauge", "Open file descriptors.", "\(count)")
        }
        add(
            "process_start_time_seconds", "gauge", "When the process started, seconds since 1970.",
            "\(startedAt)")
        return text
    }

    /// The second number of /proc/self/statm.
    private func residentPages() -> Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(
            decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? Int(numbers[1]) : nil
    }

    private func descriptorCount() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Less ".", ".." and the folder itself.
        return max(0, count - 3)
    }
}
