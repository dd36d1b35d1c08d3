-- Lots of material and the runs that make and use them (registry/lots.py): follows from the record.
create table lot (
    lot        text collate "C" primary key,
    made       bigint,                     -- the entry that made it; null while only its use is on record
    made_at    timestamptz,
    maker      text collate "C",
    holder     text collate "C",
    site       text,
    country    text,
    substance  text,
    origin     text,                       -- of one that came from outside; null for one that a process made
    waste      boolean not null,
    mass_mg    bigint not null,
    taken_mg   bigint not null,
    findings   smallint not null
);
create index lot_holder on lot (holder, lot);
create index lot_maker on lot (maker, lot);
create index lot_made on lot (made_at, lot);

create table lot_run (
    seq        bigint primary key,         -- the entry of the first report
    subject    text collate "C" not null,  -- the first that it is about
    says       bigint not null,            -- the entry whose line counts: its own, or the last correction's
    at         timestamptz not null,
    reporter   text collate "C" not null,
    site       text collate "C" not null,  -- the reporter, where none was named
    batch      text collate "C" not null,  -- what balances together, within the reporter's
    takes      text[] collate "C" not null -- the lots that went in
);
create index lot_run_takes on lot_run using gin (takes);
create index lot_run_subject on lot_run (subject);
create index lot_run_batch on lot_run (reporter, batch);
create index lot_run_site on lot_run (site, at);

create table lot_battery (                 -- the batteries that a run ended, or that a lot was spent on
    code       text collate "C" not null,
    seq        bigint not null,
    primary key (code, seq)
);
create index lot_battery_run on lot_battery (seq);

create table lot_upto (upto bigint not null);
insert into lot_upto values (0);
