import Glibc

/// Why there is no port: all that were tried are taken.
struct NoFreePort: Error, CustomStringConvertible {
    let description = "no free port of 127.0.0.1 from 20000 to 32767"
}

/// A port of 127.0.0.1 that was free a moment ago.
///
/// It is below those that Linux gives to whoever asks for none in particular (from 32768): in the
/// second that a server needs to start, only one that wants this very number could take it.
public func freePort() throws -> Int {
    for _ in 0..<1000 {
        let port = Int.random(in: 20_000..<32_768)
        if succeeds(bind, port: port) { return port }
    }
    throw NoFreePort()
}

/// Whether somebody listens there.
func canConnect(port: Int) -> Bool {
    succeeds(connect, port: port)
}

/// Calls it on a TCP socket of its own, which is then closed.
private func succeeds(
    _ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, port: Int
) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
