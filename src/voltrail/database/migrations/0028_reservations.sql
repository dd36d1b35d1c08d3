-- Packs that are held for trucks (registry/reservations.py). No part of the log.
create table reservation (
    id           bigint generated always as identity primary key,
    organisation text collate "C" not null,
    key          text collate "C" not null,  -- the caller's: the same request again is the same reservation
    digest       bytea not null,             -- SHA-256 of what was asked, so that another request is told apart
    site         text collate "C" not null,
    operator     text collate "C" not null,  -- of the station, when it was made
    truck        text not null,
    vin          text collate "C" not null,
    codes        text[] not null,
    from_at      timestamptz not null,
    until_at     timestamptz not null,
    ends_at      timestamptz not null,       -- from here on it holds nothing, without anybody's doing
    made_at      timestamptz not null,
    made_by      text not null,
    released_at  timestamptz,
    why          text check (why in ('cancelled', 'swapped', 'gone')),
    unique (organisation, key),
    check ((released_at is null) = (why is null))
);
create index reservation_operator on reservation (operator, id);
create index reservation_held on reservation (ends_at) where why is null;

create table reservation_pack (              -- its key is the promise: nobody else holds a pack meanwhile
    code         text collate "C" primary key,
    reservation  bigint not null references reservation,
    ends_at      timestamptz not null
);
create index reservation_pack_of on reservation_pack (reservation);

create table reservation_upto (upto bigint not null);  -- packs that leave are followed from here on
insert into reservation_upto select coalesce((select base + size from log), 0);
