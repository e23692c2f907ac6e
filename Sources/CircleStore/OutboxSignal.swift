import Database
import Synchronization

/// Tells the relay that the outbox has new rows.
///
/// One NOTIFY may stand for many commits: a command that finds one on its way adds none. It runs
/// in a transaction of its own, because PostgreSQL lets only one transaction with a NOTIFY
/// commit at a time, and commands must not queue for that. A signal that is lost with its
/// process costs the relay's polling interval, no event.
public final class OutboxSignal: Sendable {
    /// The channel of `listen` and `notify`.
    public static let channel = "circles_outbox"

    private let isPending = Atomic<Bool>(false)
    private let pool: ConnectionPool

    init(pool: ConnectionPool) {
        self.pool = pool
    }

    func send() {
        guard !isPending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let isQueued = pool.submit { [self] connection in
            isPending.store(false, ordering: .releasing)
            try connection?.query("notify \(trusted: Self.channel)")
        }
        if !isQueued { isPending.store(false, ordering: .releasing) }
    }
}
