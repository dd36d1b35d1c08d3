-- What organisations hand to the national platform (registry/platform.py). No part of the log. Which entries become
-- items follows from the record (registry/submissions.py); what the platform answered stands here alone.

create table platform_outbox (
    organisation text collate "C" primary key,
    adapter      text not null,            -- how: files, http, or one that the operator installed
    url          text,                     -- of a gateway, for http
    salt         bytea,                    -- its secret is made of it and of host.secret: the database has neither
    former_salt  bytea,                    -- signs as well
    former_until timestamptz,              -- until then
    state        text not null check (state in ('on', 'off')),
    since        bigint not null,          -- the first entry of the log that may become an item
    upto         bigint not null,          -- the entries below have been followed
    made_by      text not null,            -- the login that switched it last
    made_at      timestamptz not null default now()
);

-- What goes to the platform in one piece, under one key, until all of it is decided. Once made it never changes.
create table platform_batch (
    id            bigint generated always as identity primary key,
    key           text not null unique,    -- drawn, so that no other batch ever has it, whatever is restored
    organisation  text collate "C" not null,
    rule          text collate "C" not null,
    adapter       text not null,           -- it goes by this way to this address, or is answered by hand
    url           text,
    items         integer not null,
    state         text not null default 'open' check (state in ('open', 'done')),
    made_at       timestamptz not null default now(),
    done_at       timestamptz,
    answered_by   text,                    -- the login, where somebody typed what the platform said
    attempts      integer not null default 0,  -- that were begun
    failing_since timestamptz,
    said          text,                    -- at the last attempt, where it did not decide everything
    not_before    timestamptz not null default now(),
    claimed_until timestamptz              -- one server sends; were it to stop, another goes on from then
);
create unique index platform_batch_open on platform_batch (organisation, rule) where state = 'open';
create index platform_batch_due on platform_batch (not_before) where state = 'open';
create index platform_batch_of on platform_batch (organisation, id);

create table platform_item (
    id           bigint generated always as identity primary key,
    organisation text collate "C" not null,
    rule         text collate "C" not null,
    entry        bigint not null,          -- of the event, or of the correction that stands in its place
    root         bigint not null,          -- of the event that was first reported
    void         boolean not null,         -- the correction says that it never happened
    state        text not null check (state in ('waiting', 'sent', 'accepted', 'refused', 'superseded')),
    batch        bigint references platform_batch,
    corrects     text,                     -- the receipt of what it corrects at the platform, fixed with the batch
    receipt      text,                     -- the platform's number
    reason       text,                     -- why it was refused
    decided_at   timestamptz,
    unique (organisation, rule, entry)
);
create index platform_item_rule on platform_item (organisation, rule, state, id);
create index platform_item_state on platform_item (organisation, state, id);
create index platform_item_root on platform_item (root);
create index platform_item_batch on platform_item (batch, id);

-- How many of each there are, so that nobody waits for a count. Whoever changes items locks the row first.
create table platform_count (
    organisation text collate "C" not null,
    rule         text collate "C" not null,
    waiting      bigint not null default 0,
    sent         bigint not null default 0,
    accepted     bigint not null default 0,
    refused      bigint not null default 0,
    primary key (organisation, rule)
);
create index platform_count_waiting on platform_count (organisation, rule) where waiting > 0;
