-- People who sign in. Nothing here is part of the log; of every secret only a hash is kept.

create table account (
    id             bigint generated always as identity primary key,
    login          text collate "C" not null unique,
    organisation   text not null,
    role           text not null check (role in ('administrator', 'member')),
    password       text not null,      -- argon2id, as PHC string
    one_time_until timestamptz,        -- while the password is one that was printed, to be changed
    disabled_at    timestamptz,
    made_at        timestamptz not null default now()
);

create table account_session (
    digest     bytea primary key,      -- SHA-256 of what the cookie holds
    account    bigint not null references account,
    address    text not null,
    made_at    timestamptz not null default now(),
    seen_at    timestamptz not null default now(),
    expires_at timestamptz not null
);
create index account_session_account on account_session (account);

create table account_token (
    id         bigint generated always as identity primary key,
    digest     bytea not null unique,  -- SHA-256 of the token
    account    bigint not null references account,
    name       text not null,
    scopes     text[] not null,
    made_at    timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz,
    revoked_at timestamptz
);
create index account_token_account on account_token (account);

-- What is counted against guessing; of all servers together. `key` is a hash of a login or of an address.
create table sign_in_attempt (
    id  bigint generated always as identity primary key,
    key bytea not null,
    at  timestamptz not null default now()
);
create index sign_in_attempt_key on sign_in_attempt (key, at);
create index sign_in_attempt_at on sign_in_attempt (at);

-- Who did what, when. Rows are added and never changed: the triggers see to it, for every program alike.
create table audit_trail (
    id           bigint generated always as identity primary key,
    at           timestamptz not null default now(),
    action       text not null,
    account      bigint references account,
    login        text,
    organisation text,
    address      text,
    detail       text
);

create function audit_trail_is_kept() returns trigger language plpgsql as
    $$ begin raise exception 'the audit trail is only added to'; end $$;
create trigger audit_trail_rows before update or delete on audit_trail
    for each row execute function audit_trail_is_kept();
create trigger audit_trail_whole before truncate on audit_trail
    for each statement execute function audit_trail_is_kept();
