-- What programs of organisations are told of by webhooks. No part of the log. Events are put into the outbox in the
-- transaction that brings workspaces up (registry/outbox.py), so none is left out and none depends on who is asked.

create table webhook (
    id            bigint generated always as identity primary key,
    organisation  text collate "C" not null,
    url           text not null,
    types         text[] not null,
    salt          bytea not null,          -- the secret is made of it and of host.secret: the database has neither
    former_salt   bytea,                   -- signs as well
    former_until  timestamptz,             -- until then
    since         bigint not null,         -- the first entry of the log that is told of
    state         text not null default 'active' check (state in ('active', 'paused', 'off')),
    why           text,                    -- it is off: gone, failing, full
    off_index     bigint,                  -- the first entry of the log that was not told of
    off_at        timestamptz,
    waiting       bigint not null default 0,   -- messages
    batch_upto    bigint,                  -- the last message of the batch that is under way: it stays the same
    attempts      integer not null default 0,  -- that failed, since the last that did not
    failing_since timestamptz,
    not_before    timestamptz not null default now(),
    claimed_until timestamptz,             -- one server sends; were it to stop, another goes on from then
    made_by       text not null,           -- the login
    made_at       timestamptz not null default now()
);
create index webhook_organisation on webhook (organisation, id);
create index webhook_due on webhook (not_before) where state = 'active' and waiting > 0;

create table webhook_message (
    id      bigint generated always as identity primary key,
    webhook bigint not null references webhook on delete cascade,
    body    text not null
);
create index webhook_message_webhook on webhook_message (webhook, id);

-- The last attempts of each.
create table webhook_delivery (
    id      bigint generated always as identity primary key,
    webhook bigint not null references webhook on delete cascade,
    at      timestamptz not null default now(),
    batch   text not null,                 -- webhook-id
    events  integer not null,
    attempt integer not null,
    status  integer,                       -- null: no answer
    said    text not null,                 -- the beginning of the answer, or why there is none
    took_ms integer not null
);
create index webhook_delivery_webhook on webhook_delivery (webhook, id);
