-- EU passports that were issued (registry/issued.py): follows from the record.
create table passport (
    code     text collate "C" not null,
    number   smallint not null,
    operator text collate "C",             -- who answers for it, or did when it ended
    status   text not null check (status in ('active', 'inactive', 'archived')),
    since    timestamptz not null,
    until    timestamptz,
    why      text,                         -- what ended it
    entry    bigint not null,              -- that issued it
    primary key (code, number)
);
create index passport_operator on passport (operator, code, number);
create table passport_upto (upto bigint not null);
insert into passport_upto values (0);

-- What the EU registry was told of each (registry/eu_registry.py). No part of the log. What it must be told is the
-- difference to the table above, so a row outlives a passport that was corrected away.
create table eu_registration (
    code          text collate "C" not null,
    number        smallint not null,
    registration  text,                    -- the registry's id; null until it gave one
    operator      text collate "C",        -- as the registry was told last
    status        text,                    -- likewise; withdrawn where the passport is on record no more
    hash          text,                    -- of the public document, at the last proof
    proved_at     timestamptz,
    due_at        timestamptz default 'epoch',  -- when to look at it again; null: when the record changes
    refused       text,                    -- why; a person, or a change of the record, lets it go again
    -- A request under way. Once made it never changes: whoever sends it again sends the same bytes under its key.
    doing         text check (doing in ('register', 'update', 'renew')),
    key           text unique,             -- drawn
    body          bytea,
    says          jsonb,                   -- operator, status, hash and time of the body
    attempts      integer not null default 0,
    failing_since timestamptz,
    said          text,                    -- by the last attempt that decided nothing
    claimed_until timestamptz,
    primary key (code, number)
);
create index eu_registration_due on eu_registration (due_at) where due_at is not null and refused is null;
create index eu_registration_refused on eu_registration (code, number) where refused is not null;

-- What another host handed over (registry/handed.py): verified when it was taken in, and kept as it came. The files
-- are in the data folder, by their digest.
create table handed (
    subject  text collate "C" primary key,
    log      text not null,                -- the origin of the log in which it stands
    size     bigint not null,              -- of the checkpoint
    digest   text not null,                -- of the evidence file
    events   bigint not null,
    head     text not null,                -- of its chain, after these events: SHA-256 in hex
    complete boolean not null,             -- the log was bound to these events and no others
    taken_at timestamptz not null default now()
);
create table handed_event (
    subject     text collate "C" not null references handed on delete cascade,
    index       bigint not null,           -- in that log
    reporter    text not null,
    received_ms bigint not null,
    line        bytea,                     -- null where a member of it is withheld
    primary key (subject, index)
);
