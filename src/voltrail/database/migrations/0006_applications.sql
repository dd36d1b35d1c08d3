-- Who asks to be put on record. No part of the log; what decides is what the record says.

create table application (
    id              bigint generated always as identity primary key,
    digest          bytea not null unique,   -- SHA-256 of the secret in the address of its page
    organisation    text collate "C" not null,
    asked           jsonb not null,
    address         text not null,           -- from where it came
    made_at         timestamptz not null default now(),
    approved_at     timestamptz,             -- when its lines were first seen on record
    refused_at      timestamptz,
    refused_because text,
    account         bigint references account  -- made for the applicant, once
);
create index application_waiting on application (id) where approved_at is null and refused_at is null;
create index application_organisation on application (organisation, id);
create index application_address on application (address, made_at);
