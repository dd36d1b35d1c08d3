-- The register of outlets, and where makers sell: copies that follow from the record, brought up after the commit
-- (registry/outlets.py). They fill themselves, from entry 0 on.

create table outlet (
    site         text collate "C" primary key,
    organisation text collate "C" not null,
    name         text,
    region       text,                 -- as registered
    province     text,                 -- two digits of GB/T 2260, where it is such a code
    area         text,                 -- four: the prefecture
    address      text,
    phone        text,
    hours        text,
    latitude     double precision,     -- WGS 84
    longitude    double precision,
    makers       text[] not null       -- further ones for whom it takes back
);
create index outlet_of on outlet (organisation, site);
create index outlet_in on outlet (province, site);
create index outlet_for on outlet using gin (makers);

-- How many vehicles, or packs, a maker is on record to have sold where.
create table sale (
    organisation text collate "C" not null,
    sold         text not null,        -- vehicle, battery
    month        date not null,        -- its first day, in China
    province     text not null,        -- '' where no code was given
    area         text not null,
    number       bigint not null,
    primary key (organisation, sold, month, province, area)
);

create table outlet_upto (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null           -- the entries below have been followed
);
insert into outlet_upto values (true, 0);

-- What the authority found when it looked at an outlet, the last time. No part of the log.
create table outlet_check (
    site       text collate "C" primary key,
    found      boolean not null,
    note       text,
    login      text not null,
    checked_at timestamptz not null default now()
);

-- Who says that an outlet would not take a battery. No part of the log: one side's word.
create table outlet_refusal (
    id           bigint generated always as identity primary key,
    site         text collate "C" not null,
    code         text collate "C" not null,
    organisation text collate "C",     -- who says so; none: the owner of the vehicle
    vin          text collate "C",
    said         text not null,
    made_at      timestamptz not null default now(),
    seen_at      timestamptz,          -- when the authority took it up
    seen_by      text
);
create index outlet_refusal_open on outlet_refusal (id) where seen_at is null;
create unique index outlet_refusal_once on outlet_refusal (site, code, coalesce(organisation, ''), coalesce(vin, ''))
    where seen_at is null;
