-- Steps of production lines (registry/lines.py): copies that follow from the record.
create table line_step (                    -- what it says is read from the entry that counts
    seq      bigint primary key,            -- the entry of the first report
    subject  text collate "C" not null,     -- the first that it is about
    says     bigint not null,               -- the entry whose line counts
    at       timestamptz not null,
    reporter text collate "C" not null,
    line     text collate "C" not null,
    step     text collate "C" not null,
    lot      text collate "C"
);
create index line_step_line on line_step (reporter, line, at, seq);
create index line_step_subject on line_step (subject);
create index line_step_lot on line_step (lot, seq) where lot is not null;

create table line_battery (                 -- the batteries that a step was about
    code text collate "C" not null,
    seq  bigint not null,
    primary key (code, seq)
);
create index line_battery_seq on line_battery (seq);

create table line_upto (upto bigint not null);
insert into line_upto values (0);
