-- What workspaces list, sort and count: the batteries that somebody holds, or says to hold where that is disputed.
-- A copy of what the states in `subject` say, brought up after the commit and never part of it (registry/holdings.py):
-- so it may have the indexes that an event must not pay for. It fills itself, from entry 0 on.

create table holding (
    code      text collate "C" not null,
    holder    text collate "C" not null,
    bound_for text collate "C",        -- while it is on the way: to whom
    place     text not null,
    phase     text not null,
    model     text,
    findings  integer not null,        -- open ones
    since     timestamptz,             -- when it came to where it is
    latest    timestamptz,             -- when the last happened to it
    seq       bigint not null,         -- its last event
    primary key (code, holder)
) with (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02  -- its pages are read from the indexes alone while they are vacuumed
);
create index holding_code on holding (holder, code) include (place, phase, model, findings);
create index holding_last on holding (holder, seq, code) include (place, phase, model, findings);
-- By what they are and where: place alone, or phase alone, is found by skipping (PostgreSQL 18).
create index holding_kind on holding (holder, (substr(code, 4, 1)), phase, place, code);
create index holding_found on holding (holder, code) where findings > 0;
create index holding_bound on holding (bound_for, code) where bound_for is not null;

-- How many of them each has, so that nobody waits for a count.
create table holding_count (
    holder text collate "C" not null,
    place  text not null,
    phase  text not null,
    number bigint not null,
    primary key (holder, place, phase)
);

create table holding_upto (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null           -- the entries below have been followed
);
insert into holding_upto values (true, 0);

-- What an organisation sent.
create index report_organisation on report (organisation, id);

-- The batteries an account follows; `seen` is the first entry of the log that it has not looked at.
create table followed (
    account bigint not null references account,
    code    text collate "C" not null,
    seen    bigint not null,
    made_at timestamptz not null default now(),
    primary key (account, code)
);
