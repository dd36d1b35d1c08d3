-- Duties of disassembly data are met by a document of that purpose alone, no longer by any: they are made again.

truncate duty, duty_count;
update duty_upto set upto = 0;
