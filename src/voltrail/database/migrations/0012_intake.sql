-- Files that people send in: what became of each, and the rows that are to be mended. No part of the log.
-- The files themselves, and their rows that are right, lie in the data folder (intake/shelf.py).

create table intake (
    id           text collate "C" primary key,
    organisation text collate "C" not null,
    login        text not null,
    name         text not null,          -- of the file, as it was sent
    digest       bytea not null,         -- SHA-256 of the file
    bytes        bigint not null,
    form         text not null,          -- csv, xlsx, jsonl
    state        text not null,          -- opening, mapping, checking, checked, recording, recorded, failed, removed
    made_at      timestamptz not null default now(),
    moved_at     timestamptz not null default now(),
    wanted       jsonb not null default '{}',  -- what the sender said of it: kind, offset, sheet, columns, constants
    about        jsonb,                  -- header, first rows, sheets, encoding, once it was opened
    mapping      jsonb,
    failure      jsonb,                  -- why it could not be read, or not be put on record
    share        double precision,       -- of the step that is being done, where that can be told
    checked      bigint not null default 0,    -- rows that were read
    checked_to   bigint not null default 0,    -- number of the last of them
    ready        bigint not null default 0,    -- rows that are right, in the file of rows
    ready_bytes  bigint not null default 0,
    unkept       bigint not null default 0,    -- refused rows beyond those that are kept
    sent         bigint not null default 0,    -- rows that were handed to the record
    sent_bytes   bigint not null default 0,    -- how much of the file of rows that is
    taken        bigint not null default 0,
    known        bigint not null default 0,
    found        bigint not null default 0,    -- taken with findings
    left_out     bigint not null default 0,    -- rows that a person left out
    from_entry   bigint not null default 0     -- where the log ended when its rows began to be put on record
);
create index intake_organisation on intake (organisation, made_at desc, id);
create index intake_digest on intake (organisation, digest);
create index intake_work on intake (moved_at) where state in ('opening', 'checking', 'recording');

-- Rows to look at. `rule` is that of the first thing that is wrong: by it they are listed.
create table intake_row (
    intake   text collate "C" not null references intake on delete cascade,
    number   bigint not null,            -- in the file, from 1
    state    text not null,              -- refused, mended, found
    rule     text not null default '',
    cells    text[] not null,
    troubles jsonb not null default '[]',
    line     bytea,
    primary key (intake, number)
);
create index intake_row_rule on intake_row (intake, state, rule, number);
create index intake_row_state on intake_row (intake, state, number);

-- Each is a report, signed by the host; its receipt is made again from the record.
create table intake_batch (
    intake    text collate "C" not null references intake on delete cascade,
    report    bytea not null,
    first_row bigint not null,
    last_row  bigint not null,
    rows      integer not null,
    taken     integer not null,
    known     integer not null,
    refused   integer not null,
    found     integer not null,
    made_at   timestamptz not null default now(),
    primary key (intake, report)
);
create index intake_batch_order on intake_batch (intake, made_at, first_row);

-- How an organisation's columns were read the last time, by header.
create table intake_mapping (
    organisation text collate "C" not null,
    header       bytea not null,         -- SHA-256
    mapping      jsonb not null,
    used_at      timestamptz not null default now(),
    primary key (organisation, header)
);
