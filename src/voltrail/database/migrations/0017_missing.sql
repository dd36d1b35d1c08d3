-- Where batteries are and where they go missing: copies that follow from the record, brought up after the commit
-- (registry/flows.py, registry/missing.py). They fill themselves, from entry 0 on.

-- Each pack as an authority counts it.
create table flow (
    code     text collate "C" primary key,
    province text collate "C" not null,  -- GB/T 2260, two digits; '' where the record does not say
    maker    text collate "C" not null,  -- of the code; '' for an id without one
    year     smallint not null,          -- made in, by the code; 0 where it does not say
    type     text collate "C" not null,  -- the letter of the code
    status   text collate "C" not null
);
create index flow_kind on flow (status, province, maker, year, code);
create index flow_of on flow (province, status, maker, year, code);

create table flow_count (
    province text collate "C" not null,
    maker    text collate "C" not null,
    year     smallint not null,
    type     text collate "C" not null,
    status   text collate "C" not null,
    number   bigint not null,
    primary key (province, maker, year, type, status)
);

create index flow_count_maker on flow_count (maker, year);
create index flow_count_year on flow_count (year);

-- The same, by fewer things: what a page shows of a country with ten million of them.
create table flow_place_count (
    province text collate "C" not null,
    maker    text collate "C" not null,
    status   text collate "C" not null,
    number   bigint not null,
    primary key (province, maker, status)
);
create table flow_age_count (
    year   smallint not null,
    type   text collate "C" not null,
    status text collate "C" not null,
    number bigint not null,
    primary key (year, type, status)
);

-- Which organisation made batteries under a maker's part of the code, first.
create table flow_maker (
    maker        text collate "C" primary key,
    organisation text collate "C" not null
);

create table flow_upto (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null             -- the entries below have been followed
);
insert into flow_upto values (true, 0);

-- What stands open of a battery (lifecycle/missing.py). `other` is who or what stands on the other side.
create table missing_case (
    code         text collate "C" not null,
    kind         text collate "C" not null,
    organisation text collate "C" not null,
    other        text collate "C" not null,
    at           date not null,
    seq          bigint not null,        -- the entry it stands on, or -1
    primary key (code, kind, seq, other)
);
create index missing_of on missing_case (kind, organisation, at, code);
create index missing_to on missing_case (kind, other, at, code) where kind = 'not_received';
create index missing_all on missing_case (kind, at, code);

-- How many of them, of how much that was done, by month.
create table missing_count (
    kind         text collate "C" not null,
    organisation text collate "C" not null,
    other        text collate "C" not null,
    month        date not null,
    cases        bigint not null,
    done         bigint not null,
    primary key (kind, organisation, other, month)
);
create index missing_open on missing_count (kind, month) include (cases) where cases > 0;
create index missing_pair on missing_count (other, month) where kind = 'not_received';

create table missing_upto (
    only_row   boolean primary key default true check (only_row),
    upto       bigint not null,          -- the entries below have been followed
    weighed    bigint not null,          -- and up to which the suspicions were weighed,
    weighed_on date                      -- by which day
);
insert into missing_upto values (true, 0, 0, null);

-- What was weighed last (regimes/missing.py).
create table suspicion (
    kind         text collate "C" not null,
    organisation text collate "C" not null,
    side         text not null,
    cases        bigint not null,
    done         bigint not null,
    others       integer not null,
    silent_since date,
    primary key (kind, organisation, side)
);

-- Terms that the authority chose instead of ours.
create table missing_term (
    kind      text primary key,
    term_days integer not null check (term_days between 0 and 3650),
    tolerance double precision,
    why       text not null,
    chosen_at timestamptz not null default now(),
    chosen_by text not null
);

-- What others saw: no part of the log.
create table sighting (
    code     text collate "C" not null,
    vin      text collate "C" not null,
    seen_at  timestamptz not null,
    source   text not null,
    taken_at timestamptz not null default now(),
    taken_by text not null,
    primary key (code, vin, seen_at, source)
);
