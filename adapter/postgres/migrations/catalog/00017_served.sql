-- +goose Up
-- What tax asks about a product beside its class: whether it is served hot, and
-- what it comes with.

alter table product
    add column served_hot  boolean not null default false,
    add column served_with text    not null default '' check (served_with in ('', 'utensils', 'gift'));
grant update (served_hot, served_with) on product to meridian_owner;
