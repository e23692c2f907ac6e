-- What POST requests with an Idempotency-Key were answered, so that a retry is answered the same.

create table idempotency_keys (
    uid text not null,
    idempotency_key text not null,
    -- SHA-256 of method, path, query and body: the same key with another request is refused.
    fingerprint bytea not null,
    -- The id of what the request creates, chosen before it runs: whoever takes the claim over
    -- after a crash creates the same thing again and finds it there.
    entity_id uuid not null,
    created_at timestamptz not null,
    -- Raised by each claim; only the newest attempt may store its answer.
    attempt bigint not null,
    -- Until then the claim belongs to its attempt, if there is no answer yet.
    locked_until timestamptz not null,
    -- The answer; null while the request is being answered.
    response_status integer,
    response_header_names text[],
    response_header_values text[],
    response_body bytea,
    constraint idempotency_keys_pk primary key (uid, idempotency_key),
    constraint idempotency_keys_answer_check check (
        num_nulls(
            response_status, response_header_names, response_header_values, response_body
        ) in (0, 4)
    )
);

comment on table idempotency_keys is 'One row per user and Idempotency-Key, kept for a day.';

-- Pruning reads the oldest.
create index idempotency_keys_created_idx on idempotency_keys (created_at);
