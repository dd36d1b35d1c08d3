-- Lists of duties are read rule by rule, so that one under a rule that few owe does not read all others; and
-- of those that were met, only those met late are listed.
drop index duty_of, duty_open, duty_late;
create index duty_of on duty (organisation, rule, due_on, subject, opened) where met is null;
create index duty_open on duty (rule, due_on, subject, opened) where met is null;
create index duty_late_of on duty (organisation, rule, due_on, subject, opened)
    where due_on < date '1970-01-01' + ((met_ms + 28800000) / 86400000)::integer;
create index duty_late on duty (rule, due_on, subject, opened)
    where due_on < date '1970-01-01' + ((met_ms + 28800000) / 86400000)::integer;
