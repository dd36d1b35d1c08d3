-- Swap networks (registry/stations.py): copies that follow from the record.
create table station (
    site         text collate "C" primary key,
    operator     text collate "C" not null,
    name         text,
    region       text,
    address      text,
    phone        text,
    hours        text,
    latitude     float8,
    longitude    float8,
    interfaces   text[] not null,
    bays         integer,
    slots        integer,
    chargers     integer,
    charger_kw   float8
);

create table swap (
    seq           bigint primary key,       -- the entry of the first report
    at            timestamptz not null,
    operator      text collate "C" not null,
    station       text collate "C" not null,
    vin           text collate "C" not null,
    taken_out     text collate "C",
    put_in        text collate "C",
    energy_out_wh bigint,
    energy_in_wh  bigint,
    odometer_km   float8
);
create index swap_station on swap (station, at, seq);
create index swap_operator on swap (operator, at, seq);
create index swap_vin on swap (vin, at, seq);
create index swap_taken_out on swap (taken_out, at, seq);
create index swap_put_in on swap (put_in, at, seq);
create index swap_at on swap (at);

create table swap_hour (                    -- how many swaps there were at a station in an hour
    station      text collate "C" not null,
    hour         timestamptz not null,
    number       bigint not null,
    primary key (station, hour)
);
create index swap_hour_hour on swap_hour (hour);

create table swap_pack (                    -- what is in a station now, or was ever swapped
    code         text collate "C" primary key,
    model        text collate "C",
    place        text not null,
    station      text collate "C",
    vin          text collate "C",
    since        timestamptz,               -- since when it is there
    holder       text collate "C",
    owner        text collate "C",
    soh          float8,
    refused      text                       -- of one in a station: why it may not be put in (swap/fitness.py)
);
create index swap_pack_station on swap_pack (station) where station is not null;
create index swap_pack_owner on swap_pack (owner);

create table swap_pack_told (               -- who came to own such a pack when, and what was measured of it
    code         text collate "C" not null,
    seq          bigint not null,
    at           timestamptz not null,
    owner        text collate "C",
    soh          float8,
    primary key (code, seq)
);
create index swap_pack_told_at on swap_pack_told (code, at, seq);

create table station_upto (upto bigint not null);
insert into station_upto values (0);

-- What stations say of themselves is no record: only the last word of each is kept.
create table station_word (
    site         text collate "C" primary key,
    at           timestamptz not null,
    login        text not null,
    word         bytea not null             -- JSON
);

-- When something of a station changed last, by a number that only grows: what is kept in memory of others holds.
create table station_change (
    site         text collate "C" primary key,
    number       bigint not null
);
create index station_change_number on station_change (number);

create table station_changes (number bigint not null);
insert into station_changes values (0);
