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
