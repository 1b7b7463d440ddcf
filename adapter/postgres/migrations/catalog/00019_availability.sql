-- +goose Up
-- What cannot be bought for want of stock, for every page to show. The shop of a
-- market's home region tells it, out of the resident cluster; how many there are
-- stays there. A row of its own: a product that sells out is the same product.

create table sold_out (
    market text not null,
    sku    text not null,
    primary key (market, sku),
    foreign key (market, sku) references sku on delete cascade
);
comment on table sold_out is 'class: public; SKUs of which none was left when that was last told';

grant select on sold_out to meridian_shop, meridian_owner;
grant insert, delete on sold_out to meridian_shop;
grant insert on sold_out to meridian_owner;
grant insert on outbox to meridian_shop;
