/// Every metric of ours with its meaning: the help lines of `/metrics` and `docs/metrics.md`.
enum MetricCatalogue {
    struct Metric {
        let name: String
        let type: String
        /// Its labels, with spaces between.
        let labels: String
        let meaning: String

        init(_ name: String, _ type: String, _ labels: String, _ meaning: String) {
            self.name = name
            self.type = type
            self.labels = labels
            self.meaning = meaning
        }

        init(_ name: String, _ type: String, _ meaning: String) {
            self.init(name, type, "", meaning)
        }
    }

    static let all: [Metric] = api + live + relay + ingest + sfu + jobs

    static var help: [String: String] {
        Dictionary(all.map { ($0.name, $0.meaning) }) { first, _ in first }
    }

    /// The table of docs/metrics.md.
    static var markdown: String {
        all.map { metric in
            let labels =
                metric.labels.isEmpty
                ? "" : metric.labels.split(separator: " ").map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(metric.name)` | \(metric.type) | \(labels) | \(metric.meaning) |"
        }.reduce("| name | type | labels | meaning |\n|---|---|---|---|") { $0 + "\n" + $1 }
    }

    private static let api: [Metric] = [
        Metric(
            "hb_requests_total", "counter",
            "http_route http_request_method http_response_status_code",
            "Requests answered, by route."),
        Metric(
            "http_server_request_duration_seconds", "histogram",
            "http_route http_request_method http_response_status_code",
            "From a request's head to its answer's end."),
        Metric(
            "hb_request_errors_total", "counter", "http_route http_request_method error_type",
            "Requests that ended in an error of ours."),
        Metric("http_server_active_requests", "gauge", "http_request_method", "Requests in work."),
        Metric("circles_api_problems_total", "counter", "code", "Problems answered, by code."),
        Metric(
            "circles_api_rate_limited_total", "counter", "policy",
            "Requests refused by a rate limit."),
        Metric(
            "circles_api_rate_limit_evicted_total", "counter", "policy",
            "Rate limits forgotten because there were too many."),
        Metric(
            "circles_api_idempotency_total", "counter", "outcome",
            "Requests with an Idempotency-Key, by what became of them."),
        Metric("circles_api_covers_total", "counter", "outcome", "Uploads of covers."),
        Metric(
            "circles_api_webhooks_total", "counter", "event outcome",
            "Webhooks of a hosted LiveKit."),
        Metric(
            "circles_api_connections_refused_total", "counter", "reason",
            "Connections closed because there were too many or they were too slow."),
    ]

    private static let live: [Metric] = [
        Metric("circles_live_subscribers", "gauge", "Open event streams."),
        Metric("circles_live_events_total", "counter", "Events handed to streams."),
        Metric("circles_live_snapshots_total", "counter", "Snapshots sent."),
        Metric("circles_live_resumes_total", "counter", "Streams resumed by Last-Event-ID."),
        Metric(
            "circles_live_dropped_total", "counter", "reason", "Streams that we ended."),
        Metric("circles_live_refused_total", "counter", "reason", "Streams not opened."),
        Metric("circles_live_read_failures_total", "counter", "Reads of news that failed."),
        Metric(
            "circles_live_delivery_delay_seconds", "histogram",
            "From an event's time to its being written to the streams."),
    ]

    private static let relay: [Metric] = [
        Metric("circles_relay_published_total", "counter", "Outbox rows that a broker took."),
        Metric(
            "circles_relay_republished_total", "counter",
            "Outbox rows offered again: a broker forgot them, or Ingest read past them."),
        Metric("circles_relay_failures_total", "counter", "Times that the relay started over."),
        Metric(
            "circles_relay_unstored_rows", "gauge", "Outbox rows that Ingest has not stored yet."),
    ]

    private static let ingest: [Metric] = [
        Metric("circles_ingest_records_total", "counter", "topic", "Records accepted."),
        Metric(
            "circles_ingest_duplicates_total", "counter", "topic",
            "Records dropped because they were stored already."),
        Metric(
            "circles_ingest_filled_total", "counter", "topic", "Records that filled a known gap."),
        Metric(
            "circles_ingest_missing_total", "counter", "topic",
            "Numbers found missing in a source's sequence."),
        Metric(
            "circles_ingest_dead_letters_total", "counter", "topic", "Records that nobody can read."
        ),
        Metric(
            "circles_ingest_rebuilt_circles_total", "counter", "topic",
            "Circles folded again from history."),
        Metric(
            "circles_ingest_refolded_circles_total", "counter", "topic",
            "Circles folded again from memory, because of a late event."),
        Metric(
            "circles_ingest_skipped_records_total", "counter", "topic",
            "Records that the log had forgotten before we read them."),
        Metric(
            "circles_ingest_log_restarts_total", "counter", "topic",
            "Partitions whose log began anew."),
        Metric("circles_ingest_retries_total", "counter", "topic", "Batches tried again."),
        Metric(
            "circles_ingest_consumer_errors_total", "counter", "topic", "Errors of the consumer."),
        Metric(
            "circles_ingest_batch_duration_seconds", "histogram", "topic",
            "From a batch's being read to its commit."),
        Metric("circles_ingest_partitions", "gauge", "topic", "Partitions that this process has."),
    ]

    private static let sfu: [Metric] = [
        Metric("circles_sfu_transports", "gauge", "Peer connections."),
        Metric("circles_sfu_handshakes_total", "counter", "DTLS handshakes done."),
        Metric("circles_sfu_datagrams_received_total", "counter", "UDP datagrams received."),
        Metric(
            "circles_sfu_datagrams_rejected_total", "counter", "reason",
            "UDP datagrams that were none of ours."),
        Metric(
            "circles_sfu_datagrams_unsent_total", "counter",
            "UDP datagrams that the kernel took not."),
        Metric("circles_sfu_stun_requests_total", "counter", "STUN binding requests answered."),
        Metric(
            "circles_sfu_packets_discarded_total", "counter",
            "RTP packets received and not forwarded: muted, or not allowed to speak."),
        Metric("circles_sfu_retransmissions_sent_total", "counter", "RTP packets sent again."),
        Metric(
            "circles_sfu_events_dropped_total", "counter",
            "Events of a worker that nobody took in time."),
        Metric("circles_sfu_packets_forwarded_total", "counter", "RTP packets sent to listeners."),
        Metric(
            "circles_sfu_packets_expected_total", "counter", "direction",
            "RTP packets that should have come: from members (uplink), to members (downlink)."),
        Metric(
            "circles_sfu_packets_lost_total", "counter", "direction",
            "Of these, those that did not; late ones count as lost once."),
        Metric("circles_sfu_problems_total", "counter", "code", "Problems answered, by code."),
        Metric("circles_sfu_telemetry_sent_total", "counter", "Records handed to Kafka."),
        Metric("circles_sfu_telemetry_retried_total", "counter", "Records offered again."),
        Metric(
            "circles_sfu_telemetry_dropped_total", "counter",
            "Records dropped because too many waited for a broker."),
    ]

    private static let jobs: [Metric] = [
        Metric(
            "circles_jobs_runs_total", "counter", "job_name result",
            "Runs: done, failed, or superseded by another process."),
        Metric(
            "circles_jobs_run_duration_seconds", "histogram", "job_name", "How long a run took."),
        Metric("circles_jobs_lag_seconds", "gauge", "job_name", "How late the last run began."),
        Metric(
            "circles_jobs_presence_drift_sessions", "gauge",
            "Sessions that the tables and their node's last snapshot disagree about."),
        Metric("circles_jobs_mails_total", "counter", "result", "Mails, by what became of them."),
        Metric("circles_jobs_pushes_total", "counter", "result", "Pushes, by what became of them."),
        Metric(
            "circles_jobs_push_delay_seconds", "histogram",
            "From a push's due time to its being sent."),
        Metric(
            "circles_jobs_push_token_refreshes_total", "counter", "result",
            "Access tokens fetched for pushes."),
        Metric("circles_alerts_open", "gauge", "rule", "Open incidents, by rule."),
        Metric(
            "circles_alert_deliveries_total", "counter", "receiver result",
            "Pages to receivers, by what became of them."),
    ]
}
