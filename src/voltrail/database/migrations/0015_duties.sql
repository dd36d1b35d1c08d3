-- What stands open or was met late under the dated rules: a copy that follows from the record, brought up after the
-- commit (registry/duties.py). It fills itself, from entry 0 on.

create table duty (
    subject      text collate "C" not null,
    rule         text collate "C" not null,
    organisation text collate "C" not null,
    opened       bigint not null,      -- the entry that opened it
    since        timestamptz not null, -- what the time runs from
    due_on       date not null,        -- the last day in time, in China
    met          bigint,               -- the entry that met it
    met_ms       bigint,               -- when that was received
    primary key (subject, rule, opened)
);
create index duty_of on duty (organisation, due_on, subject) where met is null;
create index duty_open on duty (due_on, subject) where met is null;
create index duty_late on duty (organisation, due_on, subject) where met is not null;

-- How many stand open, so that nobody waits for a count.
create table duty_count (
    organisation text collate "C" not null,
    rule         text collate "C" not null,
    due_on       date not null,
    open         bigint not null,
    primary key (organisation, rule, due_on)
);

create table duty_upto (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null           -- the entries below have been followed
);
insert into duty_upto values (true, 0);

-- Of which open duties webhooks have been told that their day comes: once each.
create table duty_reminded (
    organisation text collate "C" not null,
    rule         text collate "C" not null,
    due_on       date not null,
    primary key (organisation, rule, due_on)
);

-- Terms that an authority set for all, or an organisation for itself, where the law's own is not known; never changed,
-- only taken back. And the working days of years whose notice came later than this version.
create table configured_rule (
    id           bigint generated always as identity primary key,
    organisation text collate "C" not null,
    set_by       text not null,
    set_at       timestamptz not null default now(),
    ended_at     timestamptz,          -- when it was taken back
    rule         text collate "C" not null,
    value        integer not null,
    unit         text not null,
    valid_from   date not null,
    source       text not null,
    valid_to     date,
    article      text,
    enforced     boolean not null
);
create index configured_rule_of on configured_rule (organisation, id);

create table configured_year (
    year        integer primary key,
    days_off    text[] not null,
    days_worked text[] not null,
    source      text not null,
    set_by      text not null,
    set_at      timestamptz not null default now()
);
