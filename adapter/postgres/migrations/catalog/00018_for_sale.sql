-- +goose Up
-- Whether a category has anything for sale is told by one entry, however many of its
-- products are withdrawn.
create index product_for_sale on product (market, category, published_until) include (published_from);
