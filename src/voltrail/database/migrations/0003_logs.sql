-- Logs that follow one another. `seq` goes on through them: entry i of a log has the index base + i.
-- So do the rows of `tree`, of which each log begins a new one, and the checkpoints, by how many
-- entries the record had.

alter table log add column base bigint not null default 0,        -- entries of the logs before
                add column first_chunk bigint not null default 0, -- rows of `tree` of the logs before
                drop column first_origin;

create table closed_log (
    number      integer primary key,  -- 1, 2, …
    origin      text    not null,
    vkey        text    not null,     -- the key under which its receipts were signed
    base        bigint  not null,
    first_chunk bigint  not null,
    size        bigint  not null,
    note        text    not null,     -- its last checkpoint here; the next log begins with its hash
    promised    text,                 -- what it had signed elsewhere that is not here: entries were lost
    closed_ms   bigint  not null
);

alter table checkpoint rename column size to upto;
alter table report rename column size to upto;
