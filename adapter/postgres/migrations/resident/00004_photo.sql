-- +goose Up
-- The buyer's photo for a product that is made with one: the media id of a
-- private asset. That it is this buyer's is told here and nowhere else.

alter table cart_line  add column photo text not null default '' check (photo ~ '^([0-9a-hjkmnp-tv-z]{16})?$');
alter table order_line add column photo text not null default '' check (photo ~ '^([0-9a-hjkmnp-tv-z]{16})?$');
