-- What follows from the record is made again, from entry 0 on: roles and regions count as they stood at an entry, so
-- that the audit can hold each row against the record (registry/following.py). Not `holding`, which tells webhooks.

truncate duty, duty_count, outlet, sale;
truncate flow, flow_count, flow_place_count, flow_age_count, flow_maker, missing_case, missing_count;
update duty_upto set upto = 0;
update outlet_upto set upto = 0;
update flow_upto set upto = 0;
update missing_upto set upto = 0;
