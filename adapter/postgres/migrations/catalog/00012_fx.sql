-- +goose Up
-- Reference rates of exchange, written in the main region and read everywhere. A
-- row is never changed: a list that is corrected adds rows, and the last one of a
-- day holds.

create table fx_rate (
    seq      bigint      generated always as identity primary key,
    source   text        not null check (length(source) between 1 and 120),
    day      date        not null,
    currency text        not null check (currency ~ '^[A-Z]{3}$' and currency <> 'EUR'),
    per_euro numeric     not null check (per_euro > 0),
    added_at timestamptz not null default now()
);
create index fx_rate_day on fx_rate (currency, day desc, seq desc);
comment on table fx_rate is 'class: public; reference rates of exchange: units of a currency for one euro, by day and source; for display and sums, never for what is charged';

grant select, insert on fx_rate to meridian_ops;
grant select on fx_rate to meridian_shop, meridian_owner;
