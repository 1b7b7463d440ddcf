-- +goose Up
-- What owners change of their offers and hours they change by version: two who
-- look at the same are told, and neither undoes the other's unseen.

alter table promotion add column version bigint not null default 1 check (version > 0);

create table slot_week (
    market  text   primary key,
    version bigint not null check (version > 0)
);
comment on table slot_week is 'class: public; counts the changes of each market''s slots and closed days; without a row it is 1';

grant select on slot_week to meridian_shop, meridian_owner;
grant insert, update on slot_week to meridian_owner;
