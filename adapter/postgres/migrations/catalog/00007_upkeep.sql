-- +goose Up
-- What keeps copies good and stores small: how far their re-reading has come,
-- which variants are asked for, and what a deletion has removed.

create table scrub (
    region text        primary key,
    pass   bigint      not null check (pass > 0),
    phase  text        not null,
    after  text        not null,
    began  timestamptz not null
);
comment on table scrub is 'class: public; how far the re-reading of this region''s copies has come';

create table variant_asked (
    key text primary key,
    day date not null
);
create index variant_asked_day on variant_asked (day);
comment on table variant_asked is 'class: public; the last day on which a stored variant of a public picture was asked for here';

alter table removal
    add column objects bigint not null default 0,
    add column bytes   bigint not null default 0;

create index replica_region on replica (region, sha256);

grant select, insert, update on scrub to meridian_media;
grant select, insert, update, delete on variant_asked to meridian_media;
