-- Who may see more than follows from the record: grants, their uses, and what owners of vehicles show.
-- Nothing here is part of the log: a permission is no fact about a battery, and must be able to end at once.

create table access_grant (
    id       bigint generated always as identity primary key,
    giver    text not null,
    grantee  text not null,
    audience text not null check (audience in ('legitimate_interest', 'holder', 'owner', 'operator', 'auditor')),
    purpose  text not null,
    given_by text not null,             -- the login
    given_at timestamptz not null default now(),
    until    timestamptz not null,
    ended_at timestamptz
);
create index access_grant_giver on access_grant (giver, id);
create index access_grant_grantee on access_grant (grantee, id);

create table access_grant_code (
    code     text collate "C" not null,
    grant_id bigint not null references access_grant,
    primary key (code, grant_id)
);
create index access_grant_code_grant on access_grant_code (grant_id);

-- One row for each day on which somebody looked at a battery under a grant.
create table access_use (
    grant_id bigint not null references access_grant,
    day      date not null default (now() at time zone 'UTC')::date,
    code     text collate "C" not null,
    login    text not null,
    at       timestamptz not null default now(),   -- of the first look that day
    primary key (grant_id, day, code, login)
);

-- What shows that somebody owns a vehicle; of the token only a hash is kept, and of the owner nothing.
create table owner_claim (
    id         bigint generated always as identity primary key,
    digest     bytea not null unique,
    vin        text collate "C" not null,
    sale       bigint not null,          -- the entry of the log by which the vehicle was sold
    seller     text not null,
    from_ms    bigint not null,          -- where it was before this is not shown; 0: from the sale on
    made_at    timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at   timestamptz
);
create unique index owner_claim_one on owner_claim (vin) where ended_at is null;
