import Metrics
import RTC

/// Turns a worker's cumulative counters into metrics.
struct WorkerMeters {
    private let worker: MediaWorker
    private var last = EngineCounters()
    private var lastUnsent = 0
    private var lastDropped = 0

    init(_ worker: MediaWorker) {
        self.worker = worker
    }

    mutating func update() async {
        guard
            let (now, peerCount) = try? await worker.perform({ engine, _, _ in
                (engine.engineCounters, engine.peerCount)
            })
        else { return }  // stopped, or overloaded: the next round tells all
        let dimensions = [("worker", "\(worker.index)")]
        func count(_ label: String, _ value: UInt64, _ before: UInt64) {
            guard value > before else { return }
            Counter(label: label, dimensions: dimensions).increment(by: Int64(value - before))
        }
        count("circles_sfu_datagrams_received_total", now.datagramsReceived, last.datagramsReceived)
        count("circles_sfu_packets_forwarded_total", now.packetsForwarded, last.packetsForwarded)
        count("circles_sfu_packets_discarded_total", now.packetsDiscarded, last.packetsDiscarded)
        count(
            "circles_sfu_retransmissions_sent_total", now.retransmissionsSent,
            last.retransmissionsSent)
        count("circles_sfu_stun_requests_total", now.stunRequests, last.stunRequests)
        count("circles_sfu_handshakes_total", now.handshakesCompleted, last.handshakesCompleted)
        let rejectedBefore = last.rejected
        for (reason, value) in now.rejected {
            let before = rejectedBefore[reason] ?? 0
            guard value > before else { continue }
            Counter(
                label: "circles_sfu_datagrams_rejected_total",
                dimensions: dimensions + [("reason", "\(reason)")]
            ).increment(by: Int64(value - before))
        }
        let unsent = worker.datagramsUnsent.load(ordering: .relaxed)
        count("circles_sfu_datagrams_unsent_total", UInt64(unsent), UInt64(lastUnsent))
        let dropped = worker.eventsDropped.load(ordering: .relaxed)
        count("circles_sfu_events_dropped_total", UInt64(dropped), UInt64(lastDropped))
        Gauge(label: "circles_sfu_transports", dimensions: dimensions).record(peerCount)
        (last, lastUnsent, lastDropped) = (now, unsent, dropped)
    }
}
