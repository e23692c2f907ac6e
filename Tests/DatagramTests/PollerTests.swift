import Datagram
import Glibc
import Testing

@Suite("Waiting for sockets and wake-ups")
struct PollerTests {
    @Test("A signal from another thread ends a wait that has no end")
    func wakeUp() throws {
        let poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(wakeUp, token: 3)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<WakeUp>.fromOpaque(context).takeRetainedValue().signal()
                return nil
            }, Unmanaged.passRetained(wakeUp).toOpaque())
        try #require(code == 0)
        let ready = poller.wait(nanoseconds: nil)
        #expect(ready.count == 1)
        #expect(ready[0] == 3)
        pthread_join(thread, nil)
    }

    @Test("Signals before a drain count as one, and a drained wake-up is quiet")
    func drain() throws {
        let poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(wakeUp, token: 1)
        wakeUp.signal()
        wakeUp.signal()
        #expect(poller.wait(nanoseconds: 0).contains(1))
        wakeUp.drain()
        #expect(poller.wait(nanoseconds: 0).count == 0)
        wakeUp.drain()
    }

    @Test("Only what can be read is ready, and what is no longer watched is not")
    func sockets() throws {
        let poller = try Poller()
        let quiet = try DatagramSocket(host: "127.0.0.1")
        let loud = try DatagramSocket(host: "127.0.0.1")
        try poller.add(quiet, token: 1)
        try poller.add(loud, token: 2)
        let batch = DatagramBatch(capacity: 1)
        #expect(batch.append([1], to: .loopback(loud.localPort)))
        quiet.send(batch)
        let ready = poller.wait(nanoseconds: 1_000_000_000)
        #expect(ready.count == 1)
        #expect(ready.contains(2))
        #expect(!ready.contains(1))
        try poller.remove(loud)
        #expect(poller.wait(nanoseconds: 0).count == 0)
        let error = #expect(throws: DatagramError.self) { try poller.remove(loud) }
        #expect(error?.code == "ENOENT")
    }

    @Test("A wait ends after its time, not before")
    func timeout() throws {
        let poller = try Poller()
        for nanoseconds: Int64 in [-5, 0, 300_000, 2_000_000] {
            let start = SystemClock.monotonicNanoseconds()
            #expect(poller.wait(nanoseconds: nanoseconds).count == 0)
            #expect(SystemClock.monotonicNanoseconds() - start >= nanoseconds)
        }
    }

    @Test("A thread's CPU clock counts its work")
    func cpuClock() {
        let start = SystemClock.threadCPUNanoseconds()
        var value = UInt64(SystemClock.wallMicroseconds())
        while SystemClock.threadCPUNanoseconds() - start < 1_000_000 {
            value = value &* 3 &+ 1
        }
        #expect(value != 0)
        #expect(SystemClock.wallMicroseconds() > 1_700_000_000_000_000)
    }
}
