-- +goose Up
-- The catalog in full: products with categories and SKUs, words and addresses in
-- each locale, dated prices, promotions, slots, and what a product was when.

create table category (
    market   text    not null,
    category text    not null check (category ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    place    integer not null default 0,
    primary key (market, category)
);
comment on table category is 'class: public; what a market sorts its products by';

create table category_text (
    market      text not null,
    category    text not null,
    locale      text not null,
    name        text not null check (name <> ''),
    description text not null default '',
    address     text not null check (address ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    primary key (market, category, locale),
    unique (market, locale, address),
    foreign key (market, category) references category on delete cascade
);
comment on table category_text is 'class: public; a category''s words and address in one locale';

-- The allergens that are named on labels: those of Regulation (EU) No 1169/2011,
-- Annex II, with each cereal and each nut by itself, as it wants them named; the
-- nine of the United States (21 U.S.C. 321(qq)) are among them; buckwheat is
-- Japan's.
create function known_allergens(text[]) returns boolean language sql immutable as $$
    select $1 <@ array['wheat', 'rye', 'barley', 'oats', 'spelt',
        'crustaceans', 'egg', 'fish', 'peanut', 'soy', 'milk',
        'almond', 'hazelnut', 'walnut', 'cashew', 'pecan', 'brazil_nut', 'pistachio', 'macadamia',
        'celery', 'mustard', 'sesame', 'sulphites', 'lupin', 'molluscs', 'buckwheat']
$$;

alter table product
    add column category        text,
    add column brand           text        check (brand ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    add column brand_version   bigint      check (brand_version > 0),
    add column published_from  timestamptz not null default '-infinity',
    add column published_until timestamptz not null default 'infinity',
    add column lead_minutes    integer     not null default 0 check (lead_minutes between 0 and 43200),
    add column allergens       text[]      not null default '{}' check (known_allergens(allergens)),
    add column may_contain     text[]      not null default '{}' check (known_allergens(may_contain)),
    add column nutrition       jsonb,
    add column version         bigint      not null default 1 check (version > 0),
    add foreign key (market, category) references category (market, category),
    add check ((brand is null) = (brand_version is null)),
    add check (not allergens && may_contain),
    add check (nutrition is null or nutrition ?& array['energy_kj', 'energy_kcal', 'fat_mg', 'saturates_mg', 'carbohydrate_mg', 'sugars_mg', 'protein_mg', 'salt_mg']);
create unique index product_brand on product (market, brand) where brand is not null;

-- In the order of the shop: everything, and what is featured.
create index product_place on product (market, place, slug) include (published_from, published_until);
create index product_category on product (market, category, place, slug) include (published_from, published_until);
create index product_featured on product (market, place, slug) include (published_from, published_until) where featured;
-- When the next product comes or goes.
create index product_opens on product (market, published_from) where published_from > '-infinity';
create index product_closes on product (market, published_until) where published_until < 'infinity';

alter table product_text
    add column ingredients text not null default '',
    add column address     text check (address ~ '^[a-z0-9][a-z0-9-]{0,59}$');
update product_text set address = slug;
alter table product_text
    alter column address set not null,
    add unique (market, locale, address);
alter table product_text rename column allergens to allergen_note;
comment on column product_text.ingredients is 'as the label has them; what causes allergies stands between asterisks';
comment on column product_text.allergen_note is 'allergens in words, where the product has no codes of them';

-- Whatever a product was ever called in addresses. One address names one product
-- in all of a market's locales, so that a change of the language finds it again.
create table product_address (
    market  text        not null,
    address text        not null,
    slug    text        not null,
    since   timestamptz not null default now(),
    primary key (market, address),
    foreign key (market, slug) references product on delete cascade
);
create index product_address_slug on product_address (market, slug);
comment on table product_address is 'class: public; every address that a product has or had in its market';
insert into product_address (market, address, slug) select market, slug, slug from product;

create table sku (
    market   text    not null,
    sku      text    not null check (sku ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    slug     text    not null,
    place    integer not null default 0,
    sold     boolean not null default true,
    net      integer not null default 0 check (net >= 0),
    net_unit text    not null default '' check (net_unit in ('', 'g', 'ml')),
    primary key (market, sku),
    foreign key (market, slug) references product,
    check ((net = 0) = (net_unit = ''))
);
create index sku_product on sku (market, slug, place, sku);
comment on table sku is 'class: public; what is sold: a product in one size or sort';

create table sku_text (
    market text not null,
    sku    text not null,
    locale text not null,
    name   text not null check (name <> ''),
    primary key (market, sku, locale),
    foreign key (market, sku) references sku on delete cascade
);
comment on table sku_text is 'class: public; what a size or sort is called in one locale';

-- Who sold a product sold one sort of it, which goes by its name.
insert into sku (market, sku, slug) select market, slug, slug from product;

create table price_list (
    market  text        not null,
    list    text        not null check (list ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    rank    integer     not null check (rank >= 0),
    from_at timestamptz not null default '-infinity',
    until_at timestamptz not null default 'infinity',
    primary key (market, list),
    check (from_at < until_at),
    check (list <> 'base' or (rank = 0 and from_at = '-infinity' and until_at = 'infinity')),
    check (list = 'base' or rank > 0)
);
create index price_list_force on price_list (market, until_at);
comment on table price_list is 'class: public; lists of prices and when they are in force; the base list always is';
insert into price_list (market, list, rank) select distinct market, 'base', 0 from product;

alter table price rename column slug to sku;
alter table price
    add column list text not null default 'base',
    drop constraint price_market_slug_fkey,
    add foreign key (market, sku) references sku,
    add foreign key (market, list) references price_list (market, list),
    alter column amount_minor drop not null,
    add check (amount_minor is not null or list <> 'base');
create index price_of_list on price (market, sku, list, version desc) include (amount_minor);
create index price_since on price (market, sku, valid_from);
comment on table price is 'class: public; every price that a SKU ever had in any list; the highest version of a list holds in it, one without an amount takes the SKU out of it';

create table product_history (
    market  text        not null,
    slug    text        not null,
    version bigint      not null,
    at      timestamptz not null default now(),
    txid    xid8        not null default pg_current_xact_id(),
    product jsonb       not null,
    primary key (market, slug, version)
);
comment on table product_history is 'class: public; what a product was in each of its versions, with its words and SKUs';

create table promotion (
    market        text        not null,
    promotion     text        not null check (promotion ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    labels        jsonb       not null check (jsonb_typeof(labels) = 'object' and labels <> '{}'),
    kind          text        not null check (kind in ('percent', 'amount', 'buy_x_get_y')),
    percent       numeric(7,4) check (percent > 0 and percent <= 100),
    amount_minor  bigint      check (amount_minor > 0),
    buy           integer     check (buy between 1 and 99),
    get           integer     check (get between 1 and 99),
    code          text        not null default '' check (code = upper(code) and octet_length(code) <= 40),
    skus          text[]      not null default '{}',
    categories    text[]      not null default '{}',
    min_minor     bigint      not null default 0 check (min_minor >= 0),
    from_at       timestamptz not null default '-infinity',
    until_at      timestamptz not null default 'infinity',
    exclusive     boolean     not null default false,
    rank          integer     not null default 0,
    max_uses      integer     not null default 0 check (max_uses >= 0),
    max_per_buyer integer     not null default 0 check (max_per_buyer >= 0),
    primary key (market, promotion),
    check (from_at < until_at),
    check ((kind = 'percent') = (percent is not null)),
    check ((kind = 'amount') = (amount_minor is not null)),
    check ((kind = 'buy_x_get_y') = (buy is not null)),
    check ((buy is null) = (get is null))
);
create unique index promotion_code on promotion (market, code) where code <> '';
create index promotion_force on promotion (market, until_at);
comment on table promotion is 'class: public; what a market takes off, from when to when; 0 uses: as often as one likes; money in minor units of the market''s currency';

create table slot_rule (
    market       text     not null,
    kind         text     not null check (kind in ('pickup', 'delivery')),
    weekday      smallint not null check (weekday between 0 and 6),
    start_minute integer  not null check (start_minute between 0 and 1439),
    end_minute   integer  not null check (end_minute between 1 and 1440),
    capacity     integer  not null check (capacity > 0),
    cutoff       integer  not null default 0 check (cutoff >= 0),
    primary key (market, kind, weekday, start_minute),
    check (start_minute < end_minute)
);
comment on table slot_rule is 'class: public; when a market hands goods over: weekday 0 is Sunday, minutes since midnight on its clocks, cutoff in minutes before the start';

create table slot_closed (
    market text not null,
    day    date not null,
    kind   text not null check (kind in ('', 'pickup', 'delivery')),
    primary key (market, day, kind)
);
comment on table slot_closed is 'class: public; days on which a market hands nothing over, by one way or ('''') by any';

create table brand_product (
    brand   text        not null check (brand ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    version bigint      not null check (version > 0),
    at      timestamptz not null default now(),
    product jsonb       not null check (jsonb_typeof(product) = 'object'),
    primary key (brand, version)
);
comment on table brand_product is 'class: public; head office''s products, every version of them; written in the main region''s cluster alone, and adopted by markets';

-- A change of a product, its words or its SKUs is told at the end of its
-- transaction: one version more, and a row of what the product is from then on.
-- Whoever changes a product cannot keep that from being told.

-- +goose StatementBegin
create function product_told(of_market text, of_slug text) returns void
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
        || jsonb_build_object('skus', (select coalesce(jsonb_agg(to_jsonb(s) - 'market' - 'slug' || jsonb_build_object('texts',
                (select coalesce(jsonb_object_agg(x.locale, x.name), '{}') from sku_text x where (x.market, x.sku) = (s.market, s.sku))) order by s.place, s.sku), '[]')
            from sku s where (s.market, s.slug) = (p.market, p.slug)))
      from product p where p.market = of_market and p.slug = of_slug;
end
$$;

create function product_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform product_told(coalesce(new.market, old.market), coalesce(new.slug, old.slug));
    return null;
end
$$;

create function sku_text_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform product_told(s.market, s.slug) from sku s where s.market = coalesce(new.market, old.market) and s.sku = coalesce(new.sku, old.sku);
    return null;
end
$$;

-- With its first product a market has its base list. An address leads to the product that has it now. One that another product has
-- is refused; one that another had and has no more is taken over.
create function address_taken() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare wanted text := case tg_table_name when 'product' then new.slug else to_jsonb(new)->>'address' end;
begin
    if tg_table_name = 'product' then
        insert into price_list (market, list, rank) values (new.market, 'base', 0) on conflict do nothing;
    end if;
    insert into product_address as a (market, address, slug) values (new.market, wanted, new.slug)
    on conflict (market, address) do update set slug = excluded.slug, since = now()
        where a.slug <> excluded.slug and a.slug <> a.address
          and not exists (select from product_text t where (t.market, t.slug, t.address) = (a.market, a.slug, a.address));
    if not exists (select from product_address where market = new.market and address = wanted and slug = new.slug) then
        raise unique_violation using message = format('another product of market %s has the address %s', new.market, wanted);
    end if;
    return null;
end
$$;
-- +goose StatementEnd

revoke execute on function product_told(text, text), product_changed(), sku_text_changed(), address_taken() from public;

create trigger product_address after insert or update of slug on product for each row execute function address_taken();
create trigger product_address after insert or update of address on product_text for each row execute function address_taken();

select product_told(market, slug) from product;

create constraint trigger product_new after insert on product deferrable initially deferred for each row execute function product_changed();
create constraint trigger product_changed after update on product deferrable initially deferred for each row
    when (old.version = new.version and old.* is distinct from new.*) execute function product_changed();
create constraint trigger product_changed after insert or update or delete on product_text deferrable initially deferred for each row execute function product_changed();
create constraint trigger product_changed after insert or update or delete on sku deferrable initially deferred for each row execute function product_changed();
create constraint trigger product_changed after insert or update or delete on sku_text deferrable initially deferred for each row execute function sku_text_changed();

-- When what is for sale in a market, or its price, changes next by the calendar.
create function catalog_until(of_market text, at timestamptz) returns timestamptz language sql stable as $$
    select least(
        (select min(published_from)  from product where market = of_market and published_from  > at and published_from > '-infinity'),
        (select min(published_until) from product where market = of_market and published_until > at and published_until < 'infinity'),
        (select min(case when from_at > at then from_at else until_at end) from price_list where market = of_market and until_at > at),
        (select min(case when from_at > at then from_at else until_at end) from promotion where market = of_market and until_at > at))
$$;

grant select on category, category_text, product_address, sku, sku_text, price_list, product_history, promotion, slot_rule, slot_closed, brand_product
    to meridian_shop, meridian_owner;
grant insert on product, product_text, category, category_text, sku, sku_text, price_list, promotion, slot_rule, slot_closed, brand_product to meridian_owner;
grant update (category, brand, brand_version, published_from, published_until, lead_minutes, allergens, may_contain, nutrition, featured, place, tax_class, takes_photo, art) on product to meridian_owner;
grant update (name, description, allergen_note, ingredients, address) on product_text to meridian_owner;
grant update (place, sold, net, net_unit) on sku to meridian_owner;
grant update (name) on sku_text to meridian_owner;
grant update (place) on category to meridian_owner;
grant update (name, description, address) on category_text to meridian_owner;
grant update (rank, from_at, until_at) on price_list to meridian_owner;
grant update, delete on promotion, slot_rule, slot_closed to meridian_owner;
grant delete on product_text, sku_text, category_text to meridian_owner;
