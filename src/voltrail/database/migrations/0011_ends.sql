-- The codes of batteries from their ends, for whoever reads the last characters of a label. Added to once a day with the
-- heads, all that is new in order, and never with a report: an index on `subject` would cost each of them.

create table code_end (
    id text collate "C" primary key   -- the code, its last character first
);

create table code_end_known (
    only_row boolean primary key default true check (only_row),
    upto     bigint not null          -- how many entries the record had
);
