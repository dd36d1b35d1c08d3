-- People who sign in through an identity provider (OpenID Connect). No part of the log.

-- To which account a provider's subject belongs. Whoever has the account's password said so, once.
create table account_identity (
    account bigint not null references account,
    issuer  text collate "C" not null,
    subject text collate "C" not null,
    shown   text not null,             -- what the provider called the person then; only for reading
    made_at timestamptz not null default now(),
    primary key (account, issuer),
    unique (issuer, subject)
);

-- Sign-ins on their way, each for some minutes and once: without a subject while the browser is at the
-- provider, with one until the person has said whose account it is.
create table provider_sign_in (
    digest     bytea primary key,      -- SHA-256 of what the cookie holds
    issuer     text not null,
    subject    text,
    shown      text,
    expires_at timestamptz not null
);
