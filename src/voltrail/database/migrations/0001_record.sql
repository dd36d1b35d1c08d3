-- The record. Everything hot is found by the subject's id or by the log index.

create table log (
    only_row    boolean primary key default true check (only_row),
    origin      text   not null,
    size        bigint not null,
    peaks       bytea  not null,      -- roots of the complete subtrees, left to right
    root        bytea  not null,
    received_ms bigint not null,      -- of the last entry; never decreases
    trust       bigint not null,      -- raised by every event about an organisation, so that caches know
    batteries   bigint not null default 0,
    organisations bigint not null default 0,
    first_origin text  not null
);

-- One for every commit, as signed: a receipt can be given again, byte for byte.
create table checkpoint (
    size bigint primary key,
    note text   not null
);

-- The log's tree in post-order, 126 hashes a row: two rows fill a page, none is toasted.
create table tree (
    chunk bigint primary key,
    nodes bytea  not null
);
alter table tree alter column nodes set storage plain;

create table report (
    id            bigint  primary key,
    organisation  text    not null,
    note          text    not null,
    digest        bytea   not null unique,
    secret        bytea   not null,
    nodes         bytea   not null,   -- the report's own tree, in post-order
    lines         integer not null,
    first_seq     bigint  not null,
    accepted      integer not null,
    size          bigint  not null references checkpoint,
    outcome       bytea   not null,   -- what was refused, known and found, as the receipt says it
    signature     bytea   not null,   -- the log's, over the receipt, which is made again under it
    source_digest bytea               -- of the file the lines were read from, where the host read it
);
alter table report alter column nodes set storage external;

create table event (
    -- what its turn decides
    seq         bigint  primary key,
    report      bigint  not null,
    received_ms bigint  not null,
    links       bytea   not null,     -- L, root over the links
    k           bigint[] not null,    -- for each subject: its how-manieth event this is,
    before      bigint[] not null,    -- the index of its event before (-1: none): a history is walked, so no index on a random key is paid for
    h           bytea   not null,     -- and the chain head before this event, 32 bytes each
    -- what is known before its turn
    position    integer not null,
    kind        text    not null,
    occurred_at timestamptz not null,
    line        bytea   not null,
    c           bytea   not null,     -- commitment
    subjects    text[]  not null,
    findings    bytea
);

create table subject (
    id        text   collate "C" primary key,
    k         bigint not null,
    h         bytea  not null,
    seq       bigint not null,        -- its last event
    latest_us bigint not null,        -- the latest occurred_at among its events
    state     bytea  not null,
    place     text,
    phase     text,
    holder    text,
    model     text
) with (fillfactor = 80);
