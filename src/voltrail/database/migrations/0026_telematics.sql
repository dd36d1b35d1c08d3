-- Who may send telemetry (registry/admission.py). No part of the log.
create table gateway_platform (            -- platforms of others that pass on what their vehicles send
    number       integer generated always as identity primary key,
    name         text collate "C" not null unique check (octet_length(name) between 1 and 12),
    secret_hash  bytea not null,           -- SHA-256 of a password that we drew
    organisation text collate "C" not null,
    added_at     timestamptz not null default now(),
    ended_at     timestamptz
);

create table gateway_terminal (            -- terminals in vehicles: what they were bound to
    vin          text collate "C" primary key,
    iccid        text,
    chip_id      text,
    public_key   bytea,                    -- with which its reports are signed, from its activation
    activated_at timestamptz
);
create index gateway_terminal_chip on gateway_terminal (chip_id);

-- Which batteries a vehicle says it has, held against the record (registry/vehicle_packs.py).
create table vehicle_pack (
    vin          text collate "C" not null,
    code         text collate "C" not null,   -- as the vehicle gives it
    pack_no      smallint not null,           -- from 1, in the order in which they were given
    first_at     timestamptz not null,        -- the first and the last login that named it there
    last_at      timestamptz not null,
    source       integer not null,            -- of the last
    verdict      text not null,
    expected     text[] not null default '{}',-- what the record says is in the vehicle
    other_vin    text,                        -- the other vehicle, by the record or by its own login
    primary key (vin, code, pack_no)
);
create index vehicle_pack_code on vehicle_pack (code, last_at);
create index vehicle_pack_expected on vehicle_pack using gin (expected);
create index vehicle_pack_verdict on vehicle_pack (verdict, vin, code, pack_no);
create table vehicle_pack_upto (upto bigint not null);  -- verdicts follow the record from here on
insert into vehicle_pack_upto select coalesce((select base + size from log), 0);

-- Alarms of level 3 or 4, each from its first frame on (registry/vehicle_alarms.py).
create table vehicle_alarm (
    vin          text collate "C" not null,
    incident     text not null check (incident in ('fire', 'other')),
    began_at     timestamptz not null,
    ended_at     timestamptz not null,     -- the last frame that still had it
    level        smallint not null,
    flags        bigint not null,
    edition      smallint not null,        -- of the first frame
    source       integer not null,
    received_from  timestamptz not null,   -- when its first and last frame came: there the others are looked for
    received_until timestamptz not null,
    digest       text,                     -- of the frames around it, SHA-256
    codes        text[],                   -- the batteries that it is reported of
    organisation text collate "C",         -- in whose name
    lines        text,                     -- what is reported: once made it never changes, so it is reported once
    index        bigint,                   -- the first entry
    rule         text,                     -- why it is not reported: rule, words, what to do
    why          text,
    fix          text,
    tried_at     timestamptz,
    primary key (vin, incident, began_at)
);
create index vehicle_alarm_open on vehicle_alarm (began_at) where index is null;
create index vehicle_alarm_began on vehicle_alarm (began_at, vin, incident);
create index vehicle_alarm_codes on vehicle_alarm using gin (codes);

-- The packs of a fleet, for whoever reads the health of many (registry/fleet.py). A copy that follows from the record.
create table fleet (
    code     text collate "C" primary key,
    model    text collate "C",
    province text collate "C" not null,    -- as in `flow`
    made_on  date,                         -- by the code
    sold_on  date,                         -- the vehicle that carries it, in China
    holder   text collate "C",
    owner    text collate "C",
    operator text collate "C"
);
create index fleet_model on fleet (model) where model is not null;
create index fleet_holder on fleet (holder) where holder is not null;
create index fleet_owner on fleet (owner) where owner is not null;
create index fleet_operator on fleet (operator) where operator is not null;

create table fleet_upto (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null               -- the entries below have been followed
);
insert into fleet_upto values (true, 0);
