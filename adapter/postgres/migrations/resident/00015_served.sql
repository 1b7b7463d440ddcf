-- +goose Up
-- How each line was served when it was sold, which its tax was reckoned by. All
-- that was sold before was cold and came with nothing. And an order may be eaten
-- where it was bought, which is taxed as neither of the other ways.

alter table order_line
    add column served_hot  boolean not null default false,
    add column served_with text    not null default '' check (served_with in ('', 'utensils', 'gift'));
alter table orders
    drop constraint orders_fulfilment_check,
    add  constraint orders_fulfilment_check check (fulfilment in ('pickup', 'delivery', 'eat_in'));
