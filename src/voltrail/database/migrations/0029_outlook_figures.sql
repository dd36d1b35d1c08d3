-- Figures of the outlook that users added to those that Voltrail brings along. No part of the log.
create table outlook_file (
    id            bigint generated always as identity primary key,
    name          text not null,           -- of the file, as it was given
    digest        bytea not null,          -- SHA-256 of its text: the same file again is the same addition
    warnings      text[] not null,
    added_by      text not null,
    added_at      timestamptz not null default now(),
    taken_back_by text,
    taken_back_at timestamptz,             -- from here on its figures count for nothing
    check ((taken_back_by is null) = (taken_back_at is null))
);
create unique index outlook_file_once on outlook_file (digest) where taken_back_at is null;

create table outlook_figure (
    file    bigint not null references outlook_file,
    place   integer not null,
    series  text collate "C" not null,
    period  text not null,
    segment text not null,
    value   double precision,
    unit    text not null,
    status  text not null,
    vintage text not null,
    source  text not null,
    note    text not null,
    primary key (file, place)
);
