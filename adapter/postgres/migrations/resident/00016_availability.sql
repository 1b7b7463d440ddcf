-- +goose Up
-- SKUs that have sold out or come back, until the catalog is told. Written by the
-- transaction that made it so; rows are added only, so no checkout waits for another.

create table stock_turn (
    id     bigint generated always as identity primary key,
    market text not null,
    sku    text not null
);
comment on table stock_turn is 'class: resident; SKUs that have sold out or come back since the catalog was told';

-- +goose StatementBegin
create function stock_turned() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into stock_turn (market, sku) values (new.market, new.sku);
    return null;
end
$$;
-- +goose StatementEnd

create trigger stock_turned_new after insert on stock_level for each row
    when (new.on_hand > new.reserved) execute function stock_turned();
create trigger stock_turned after update on stock_level for each row
    when ((new.on_hand > new.reserved) <> (old.on_hand > old.reserved)) execute function stock_turned();

revoke execute on function stock_turned from public;
grant select, insert, delete on stock_turn to meridian_shop;
