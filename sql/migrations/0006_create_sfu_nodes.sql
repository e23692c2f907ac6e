-- The SFU nodes and where circles live among them.

create table sfu_nodes (
    node_id text constraint sfu_nodes_pk primary key,
    url text not null,
    region text not null default '',
    -- Rises each time the node starts; the row stays when the node goes, so that it always does.
    epoch bigint not null,
    started_at timestamptz not null,
    heartbeat_at timestamptz not null,
    -- Set when the node has said good-bye; null while it runs.
    stopped_at timestamptz,
    -- It keeps its circles and gets no new ones.
    is_draining boolean not null default false,
    circle_count integer not null default 0,
    member_count integer not null default 0
);

comment on table sfu_nodes is 'One row per SFU node that has ever run; each writes its own.';

create table circle_placements (
    circle_id uuid constraint circle_placements_pk primary key
        constraint circle_placements_circle_fk references circles,
    node_id text not null constraint circle_placements_node_fk references sfu_nodes,
    placed_at timestamptz not null
);

comment on table circle_placements is
    'The node that a circle lives on: kept while the node lives, chosen anew when it is gone.';

create index circle_placements_node_idx on circle_placements (node_id);

-- Nodes name sessions, not seats.
create index seats_session_idx on seats (session_id);
