-- +goose Up
-- What owners write by programs: each thing that can be changed has a version that
-- a change names, and what an owner has changed is not brought back to what the
-- shop began with.

alter table price_list add column version bigint not null default 1 check (version > 0);
alter table category   add column version bigint not null default 1 check (version > 0);
alter table product    add column edited boolean not null default false;
comment on column product.edited is 'whether an owner has written it: then the seed leaves it alone';

grant update (version) on price_list, category to meridian_owner;
grant update (edited) on product to meridian_owner;
