import Database
import Domain
import EventLog

/// A record that cannot be read or stored, and why.
struct DeadLetter {
    let record: LogRecord
    let generation: Int64
    let reason: String
}

extension Connection {
    /// Puts records aside with their place in the log; one that is there already stays.
    func write(_ letters: [DeadLetter], topic: String, now: Timestamp) throws {
        for letter in letters {
            try query(
                """
                insert into dead_letters (
                    topic, kafka_partition, log_generation, kafka_offset, reason, record_key,
                    record, recorded_at
                )
                values (
                    \(topic), \(letter.record.partition), \(letter.generation),
                    \(letter.record.offset), \(letter.reason), \(letter.record.key.map(Bytes.init)),
                    \(letter.record.value.map(Bytes.init)), \(now)
                )
                on conflict (topic, kafka_partition, log_generation, kafka_offset) do nothing
                """)
        }
    }
}
