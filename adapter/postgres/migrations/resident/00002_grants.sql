-- +goose Up
-- Least privilege: what each role of Meridian may do with resident data.

-- +goose StatementBegin
do $$
declare r text;
begin
    foreach r in array array['meridian_shop', 'meridian_owner'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
end
$$;
-- +goose StatementEnd

comment on table schema_version is 'class: aggregate; which migrations have run';
revoke create on schema public from public;

grant select, insert, update, delete on cart, cart_line to meridian_shop;
grant select, update on stock to meridian_shop;
grant select, insert on orders, order_line, order_tax to meridian_shop;

grant select on stock, orders, order_line, order_tax, owner_account to meridian_owner;
grant select, insert, delete on owner_session to meridian_owner;
