-- +goose Up
-- What cannot be bought for want of stock, for every page to show. The shop of a
-- market's home region tells it, out of the resident cluster; how many there are
-- stays there. It stands in the SKU's row, which every page reads anyway; but a
-- product that sells out is the same product: it has no new version of it, and its
-- history says nothing of it.

alter table sku add column sold_out boolean not null default false;
comment on column sku.sold_out is 'none was left when that was last told';

-- As in 00011, but for sold_out.
-- +goose StatementBegin
create or replace function product_told(of_market text, of_slug text) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare next bigint;
begin
    perform from product where market = of_market and slug = of_slug for update;
    if not found or exists (select from product_history h where h.market = of_market and h.slug = of_slug
        and h.version = (select max(version) from product_history where market = of_market and slug = of_slug)
        and h.txid = pg_current_xact_id()) then
        return;
    end if;
    select coalesce(max(version), 0) + 1 into next from product_history where market = of_market and slug = of_slug;
    update product set version = next where market = of_market and slug = of_slug and version <> next;
    insert into product_history (market, slug, version, product)
    select p.market, p.slug, next, to_jsonb(p)
        || jsonb_build_object('texts', (select coalesce(jsonb_agg(to_jsonb(t) - 'market' - 'slug' - 'words' order by t.locale), '[]') from product_text t where (t.market, t.slug) = (p.market, p.slug)))
        || jsonb_build_object('skus', (select coalesce(jsonb_agg(to_jsonb(s) - 'market' - 'slug' - 'sold_out' || jsonb_build_object('texts',
                (select coalesce(jsonb_object_agg(x.locale, x.name), '{}') from sku_text x where (x.market, x.sku) = (s.market, s.sku))) order by s.place, s.sku), '[]')
            from sku s where (s.market, s.slug) = (p.market, p.slug)))
      from product p where p.market = of_market and p.slug = of_slug;
end
$$;
-- +goose StatementEnd

drop trigger product_changed on sku;
create constraint trigger product_changed after insert or delete or update of market, sku, slug, place, sold, net, net_unit
    on sku deferrable initially deferred for each row execute function product_changed();

grant update (sold_out) on sku to meridian_shop;
grant insert on outbox to meridian_shop;
