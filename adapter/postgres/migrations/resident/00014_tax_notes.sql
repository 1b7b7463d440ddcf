-- +goose Up
-- What was said of an order's tax when it was reckoned, and by which rules: an
-- invoice and its credit notes must say it too, whatever the rules are by then.
-- Of the orders from before, nothing is known of it.

alter table orders
    add column tax_notes text[] not null default '{}';
comment on column orders.tax_notes is 'what an invoice or a clerk has to be told, by engine/tax''s names: intra_community, tax_id_unverified';

alter table order_tax
    add column jurisdiction text not null default '',
    add column levy         text not null default '',
    add column part         text not null default '',
    add column source       text not null default '';
comment on column order_tax.source is 'where the law says so';
