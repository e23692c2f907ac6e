-- What a hosted SFU told us by webhook.

create table webhook_deliveries (
    delivery_id text constraint webhook_deliveries_pk primary key,
    received_at timestamptz not null
);

comment on table webhook_deliveries is
    'Names of the messages that have been taken, so that none is taken twice; kept for a week.';

create index webhook_deliveries_received_idx on webhook_deliveries (received_at);

create table media_connections (
    session_id uuid constraint media_connections_pk primary key,
    -- The SFU's name for the connection: another one each time the participant connects.
    connection_id text not null,
    connected_at timestamptz not null,
    is_connected boolean not null,
    reported_at timestamptz not null
);

comment on table media_connections is
    'The latest connection of each member session on a hosted SFU; cleared after a week.';

create index media_connections_reported_idx on media_connections (reported_at);
