import Metrics

/// What Ingest tells of itself at `/metrics`.
struct IngestMetrics: Sendable {
    let accepted = Counter(label: "circles_ingest_events_total")
    let duplicates = Counter(label: "circles_ingest_duplicates_total")
    let filled = Counter(label: "circles_ingest_filled_total")
    let missing = Counter(label: "circles_ingest_missing_total")
    let deadLetters = Counter(label: "circles_ingest_dead_letters_total")
    let rebuilt = Counter(label: "circles_ingest_rebuilt_circles_total")
    let skipped = Counter(label: "circles_ingest_skipped_records_total")
    let restarts = Counter(label: "circles_ingest_log_restarts_total")
    let retries = Counter(label: "circles_ingest_retries_total")
    let consumerErrors = Counter(label: "circles_ingest_consumer_errors_total")
    let batchDuration = Timer(label: "circles_ingest_batch_duration")
    let partitions = Gauge(label: "circles_ingest_partitions")

    func record(_ outcome: Ingestor.Outcome) {
        accepted.increment(by: outcome.acceptedCount)
        duplicates.increment(by: outcome.duplicateCount)
        filled.increment(by: outcome.filledCount)
        missing.increment(by: outcome.missingCount)
        deadLetters.increment(by: outcome.deadLetterCount)
        rebuilt.increment(by: outcome.rebuiltCount)
    }
}
