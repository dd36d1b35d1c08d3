-- What makers ask of their suppliers, and what these answer. None of it is part of the log: what was answered
-- becomes an event (answer_accepted) when the maker takes it over. Of links only a hash is kept.

create table supplier_request (
    id           bigint generated always as identity primary key,
    maker        text not null,
    part         text not null,            -- as the maker calls it, "cell LFP-157"
    supplier     text not null,
    contact      text not null,
    note         text,
    points       text[] not null,
    due          date not null,
    asked_by     text not null,            -- the login
    asked_at     timestamptz not null default now(),
    digest       bytea not null unique,    -- of the token that counts
    withdrawn_at timestamptz,
    draft        bytea                     -- what the supplier saved and did not send yet, as JSON
);
create index supplier_request_maker on supplier_request (maker, id);

-- For which models, and which of the points each of them takes.
create table supplier_request_model (
    request_id bigint not null references supplier_request,
    model_id   text collate "C" not null,
    points     text[] not null,
    primary key (request_id, model_id)
);
create index supplier_request_model_model on supplier_request_model (model_id);

-- Each answer as it was sent: the very text, and who signed it. Returned, or accepted, or it waits.
create table supplier_answer (
    request_id  bigint not null references supplier_request,
    revision    int not null,
    answer      text not null,
    algorithm   text not null,
    public_key  text not null,
    signature   text not null,
    supplier_id text,                      -- the organisation on record whose key it is
    sent_at     timestamptz not null default now(),
    accepted_at timestamptz,
    returned_at timestamptz,
    reason      text,
    primary key (request_id, revision)
);

-- Files that came with answers; kept by their digests as all documents are.
create table supplier_document (
    request_id bigint not null references supplier_request,
    digest     text not null,
    name       text not null,
    bytes      bigint not null,
    primary key (request_id, digest)
);
