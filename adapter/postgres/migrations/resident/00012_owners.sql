-- +goose Up
-- What owners do by themselves: they have a message sent again, and look through
-- the letters that were given up.

grant update (since) on hook_delivery to meridian_owner;
create index mail_parked on mail (id) where state = 'parked';

-- +goose StatementBegin
-- So many are on hand, whatever was believed: the difference is a movement. The
-- level is locked first, so that nothing is sold between the look and the change.
create function stock_count(market_ text, sku_ text, counted_ integer, who_ text, note_ text)
    returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare believed integer;
begin
    select on_hand into believed from stock_level where market = market_ and sku = sku_ for update;
    if believed is null then
        if counted_ > 0 then
            perform stock_move(market_, sku_, 'receive', counted_, 0, null, null, who_, note_);
        end if;
    elsif counted_ <> believed then
        perform stock_move(market_, sku_, 'correct', counted_ - believed, 0, null, null, who_, note_);
    end if;
end
$$;
-- +goose StatementEnd

revoke execute on function stock_count from public;
grant execute on function stock_count to meridian_owner;
