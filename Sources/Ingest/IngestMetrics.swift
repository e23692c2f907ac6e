import Metrics

/// What Ingest tells of itself at `/metrics`, by topic.
struct IngestMetrics: Sendable {
    let accepted: Counter
    let duplicates: Counter
    let filled: Counter
    let missing: Counter
    let deadLetters: Counter
    let rebuilt: Counter
    let refolded: Counter
    let skipped: Counter
    let restarts: Counter
    let retries: Counter
    let consumerErrors: Counter
    let batchDuration: Timer
    let partitions: Gauge

    init(topic: String) {
        let dimensions = [("topic", topic)]
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: dimensions) }
        accepted = counter("circles_ingest_records_total")
        duplicates = counter("circles_ingest_duplicates_total")
        filled = counter("circles_ingest_filled_total")
        missing = counter("circles_ingest_missing_total")
        deadLetters = counter("circles_ingest_dead_letters_total")
        rebuilt = counter("circles_ingest_rebuilt_circles_total")
        refolded = counter("circles_ingest_refolded_circles_total")
        skipped = counter("circles_ingest_skipped_records_total")
        restarts = counter("circles_ingest_log_restarts_total")
        retries = counter("circles_ingest_retries_total")
        consumerErrors = counter("circles_ingest_consumer_errors_total")
        batchDuration = Timer(label: "circles_ingest_batch_duration", dimensions: dimensions)
        partitions = Gauge(label: "circles_ingest_partitions", dimensions: dimensions)
    }

    func record(_ outcome: IngestOutcome) {
        accepted.increment(by: outcome.acceptedCount)
        duplicates.increment(by: outcome.duplicateCount)
        filled.increment(by: outcome.filledCount)
        missing.increment(by: outcome.missingCount)
        deadLetters.increment(by: outcome.deadLetterCount)
        rebuilt.increment(by: outcome.rebuiltCount)
        refolded.increment(by: outcome.refoldedCount)
    }
}
