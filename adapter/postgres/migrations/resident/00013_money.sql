-- +goose Up
-- What a buyer's uses of a promotion are counted by where no row of
-- promotion_use counts them yet.
create index orders_buyer on orders (lower(email));

-- +goose StatementBegin
-- Takes what is ordered out of its cart, and refuses another cart than that. The
-- cart is locked first, as by whoever changes its lines: who looks at them and then
-- changes one finds all of them, or none. A line that is ordered without a photo is
-- made with none: whatever photo the cart holds goes with the line.
create or replace function cart_take(cart_ text, skus_ text[], quantities_ integer[], photos_ text[])
    returns void language plpgsql as $$
declare taken integer;
begin
    perform from cart where id = cart_ for no key update;
    delete from cart_line c using unnest(skus_, quantities_, photos_) as o(sku, quantity, photo)
     where c.cart_id = cart_ and c.sku = o.sku and c.quantity = o.quantity and (o.photo = '' or c.photo = o.photo);
    get diagnostics taken = row_count;
    if taken <> cardinality(skus_) then
        raise exception 'another cart' using errcode = 'MS002';
    end if;
end
$$;

-- So many are on hand, whatever was believed: the difference is a movement. The
-- level is locked first, and made first where there is none, so that nothing is
-- sold and nobody else counts between the look and the change.
create or replace function stock_count(market_ text, sku_ text, counted_ integer, who_ text, note_ text)
    returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    believed integer;
    kind text := 'correct';
begin
    if counted_ > 0 then
        insert into stock_level (market, sku, on_hand) values (market_, sku_, 0) on conflict do nothing;
        if found then
            kind := 'receive';
        end if;
    end if;
    select on_hand into believed from stock_level where market = market_ and sku = sku_ for update;
    if counted_ <> believed then
        perform stock_move(market_, sku_, kind, counted_ - believed, 0, null, null, who_, note_);
    end if;
end
$$;
-- +goose StatementEnd
