-- Recalls. What the record says is counted here by the writer, in the transaction of the events, and can be
-- made anew from the record; what the campaign's organisation says, and who was told, stands here alone.

create table campaign (
    id           text   collate "C" primary key,
    number       bigint generated always as identity unique,  -- in the order they became known
    organisation text   not null,     -- who opened it, or else who first recalled a battery under it
    opened_at    timestamptz not null,
    risk         text,
    -- said by its organisation when it opened it on a page; nothing where the record alone tells of it
    title        text,
    advice       text,
    opened_by    text,
    models       text[] not null default '{}',
    made_from    date,
    made_until   date,
    listed       integer not null default 0,   -- codes in `campaign_code`
    planned      bigint  not null default 0,   -- batteries in its scope when it was opened
    complete     boolean not null default true, -- false while batteries of its scope are still to be reported
    -- counted by the writer, as the record has them
    batteries    bigint not null default 0,
    done         bigint not null default 0,
    ended        bigint not null default 0
);

-- The codes that a campaign's organisation listed one by one.
create table campaign_code (
    campaign text collate "C" references campaign,
    code     text collate "C",
    primary key (campaign, code)
);

-- One row for each battery and each recall of it that counts.
create table campaign_battery (
    code        text   collate "C",
    campaign    text   collate "C",
    recalled    bigint not null,      -- the entry that recalled it
    recalled_by text   not null,
    serviced    bigint,               -- the entry of the work, once it is done
    serviced_at timestamptz,
    stands      text   not null check (stands in ('open', 'done', 'ended')),
    holder      text,                 -- kept up while it is open
    owner       text,
    primary key (code, campaign)
);
create index campaign_battery_stands on campaign_battery (campaign, stands, code);
create index campaign_battery_holder on campaign_battery (holder, campaign, code)
    where stands = 'open' and holder is not null;
create index campaign_battery_owner on campaign_battery (owner, campaign, code)
    where stands = 'open' and owner is not null;

-- How many open batteries of a campaign each organisation has to see to: it holds them, or owns those that nobody holds.
create table campaign_holder (
    campaign     text collate "C",
    organisation text collate "C",
    batteries    bigint not null,
    owned        bigint not null,     -- further ones, that it owns and another holds
    primary key (campaign, organisation)
);
create index campaign_holder_organisation on campaign_holder (organisation);

-- Who was told, and when: a page that was opened, a notice that was acknowledged.
create table campaign_told (
    campaign        text collate "C" references campaign,
    organisation    text collate "C",
    shown_at        timestamptz not null default now(),
    acknowledged_at timestamptz,
    acknowledged_by text,             -- the login
    batteries       bigint,           -- that it had to see to when it acknowledged
    primary key (campaign, organisation)
);

-- A record that is older than these tables: whose recalls are still to be read from it, when the log is opened.
create table recall_backlog as
    select distinct unnest(subjects) collate "C" as subject from event
    where kind = 'recalled' or (kind = 'corrected' and position('recalled'::bytea in line) > 0);

-- The codes in a scope: batteries of the models made between two days, those that a campaign lists, and these.
-- The three characters of a date stand at the 15th place of a code of 24, at the 8th of one of 19 (GB/T 34014);
-- they sort as the days do, but for 0, which is the 31st: days are given with Z for it.
create function campaign_scope(models text[], dated boolean, since text, until text, campaign text, codes text[])
    returns table (code text) language sql stable as $$
    select substr(s.id, 9) from subject s
    where s.model = any(campaign_scope.models)
        and (not dated or (s.id not like 'battery:NC-%' and replace(
            case length(s.id) when 32 then substr(s.id, 23, 3) when 27 then substr(s.id, 16, 3) end,
            '0', 'Z') collate "C" between campaign_scope.since and campaign_scope.until))
    union select c.code from campaign_code c where c.campaign = campaign_scope.campaign
    union select unnest(campaign_scope.codes) collate "C"
$$;
