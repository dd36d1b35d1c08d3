-- Entries of the log that are no events: 0x02 heads, 0x03 successor.
-- Every index of the log stands either in `event` or here.

create table mark (
    seq bigint primary key,
    entry bytea not null
);
