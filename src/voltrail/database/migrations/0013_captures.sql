-- Capture jobs of EPCIS 2.0: what became of a document that somebody sent. No part of the log: the events that were
-- taken stand there, under the report named here.
create table epcis_capture (
    id           text        collate "C" primary key,   -- 32 hexadecimal digits, drawn at random
    organisation text        collate "C" not null,
    created_at   timestamptz not null default now(),
    finished_at  timestamptz,                           -- null while it runs, or when the server was stopped under it
    behaviour    text        not null,                  -- rollback or proceed
    success      boolean     not null default true,
    events       integer     not null,                  -- how many the document had
    taken        integer     not null default 0,        -- how many of them are on record
    report       bytea,                                 -- the digest of the report that took them
    errors       bytea       not null default '[]'      -- JSON, as the standard has problems
);

create index epcis_capture_own on epcis_capture (organisation, created_at desc, id desc);
