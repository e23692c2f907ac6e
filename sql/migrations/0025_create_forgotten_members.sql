-- Who was forgotten, so that an event that comes late or is read again does not bring them back.

create table forgetting_keys (
    hash_key bytea not null
);

comment on table forgetting_keys is
    'One row: the key by which forgotten_members knows uids. Without it nobody can tell whether a uid is among them.';

-- 366 random bits: a version-4 UUID has 122.
insert into forgetting_keys (hash_key)
select sha256(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);

create table forgotten_members (
    -- HMAC-SHA-256 of the uid.
    uid_hash bytea not null,
    forgotten_at timestamptz not null,
    tombstone text not null constraint forgotten_members_tombstone_unique unique,
    finished_at timestamptz,
    constraint forgotten_members_pk primary key (uid_hash, forgotten_at)
);

comment on table forgotten_members is
    'One row per erasure of a person: see docs/privacy.md. The uid itself stands nowhere.';
comment on column forgotten_members.forgotten_at is
    'What they did before is the tombstone''s; whoever comes with the same uid later is another person.';
comment on column forgotten_members.tombstone is 'Random; stands wherever the uid stood.';
comment on column forgotten_members.finished_at is
    'Null while rows are still to be rewritten: `circles forget` takes it up again.';

create index forgotten_members_time_idx on forgotten_members (forgotten_at);

-- Ingest reads both; nobody else needs to.
grant select on forgetting_keys, forgotten_members to circles_ingest;
