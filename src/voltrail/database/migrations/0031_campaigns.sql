-- Which models are being tested (registry/qualification.py). Campaigns are few, and other events do not pay for it.
create index event_campaign on event (seq) where kind = 'campaign_opened';
