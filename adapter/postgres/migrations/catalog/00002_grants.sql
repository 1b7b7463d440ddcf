-- +goose Up
-- Least privilege: what each role of Meridian may do in the catalog. The group
-- roles hold the rights; whoever logs in is made a member outside.

-- +goose StatementBegin
do $$
declare r text;
begin
    foreach r in array array['meridian_shop', 'meridian_media', 'meridian_owner'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
end
$$;
-- +goose StatementEnd

comment on table schema_version is 'class: public; which migrations have run';
revoke create on schema public from public;
grant execute on function pg_control_checkpoint() to meridian_shop, meridian_media, meridian_owner;

grant select on product, product_text, price, asset, asset_version, outbox to meridian_shop;

grant select, insert, update on asset, asset_version, replica to meridian_media;
grant insert on outbox to meridian_media;

grant select on product, product_text, price, asset, asset_version, replica to meridian_owner;
grant insert on price, outbox to meridian_owner;
grant update (media_id) on product to meridian_owner;
