-- What an authority sets for a gate is words, where a deadline has a number.
alter table configured_rule alter column value drop not null;
alter table configured_rule add column words text[];
alter table configured_rule add check ((value is null) <> (words is null));
