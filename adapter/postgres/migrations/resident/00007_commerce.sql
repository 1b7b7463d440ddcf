-- +goose Up
-- Commerce: stock as a ledger, reservations that expire, slots and promotions
-- that cannot be overdrawn, orders with states, a log, and refunds. What holds
-- "whatever runs at once" is held here, in checks and in functions that each
-- change one row: a caller runs them in one transaction, slots first, then
-- promotions by id, then stock by SKU, so that two never wait for one another
-- in a circle.
--
-- Refusals have states of their own (SQLSTATE):
--   MS001 too little stock, MS002 another cart than shown, MS003 slot full,
--   MS004 promotion used up, MS005 the order has moved on.

-- +goose StatementBegin
create function append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append only', tg_table_name using errcode = 'restrict_violation';
end
$$;
-- +goose StatementEnd

-- What is sold goes by SKU. The key of a product with one sort is its slug.
alter table cart_line  rename column slug to sku;
alter table order_line rename column slug to sku;
alter table order_line
    add column product         text   not null default '',
    add column product_version bigint not null default 0,
    add column discount_minor  bigint not null default 0;
update order_line set product = sku;
alter table order_line
    alter column product drop default,
    add check (discount_minor between 0 and line_minor);

-- An order that awaits payment is its own reservation: what its lines name is
-- in stock_level.reserved until expires_at.
alter table orders rename column state to address_state;
alter table orders
    add column state          text not null default 'placed'
        check (state in ('awaiting_payment', 'placed', 'preparing', 'ready', 'completed', 'cancelled', 'expired')),
    add column version        bigint  not null default 1 check (version > 0),
    add column state_at       timestamptz,
    add column expires_at     timestamptz,
    add column payment_method text    not null default 'on_collection' check (payment_method in ('card', 'on_collection')),
    add column fulfilment     text    not null default 'delivery' check (fulfilment in ('pickup', 'delivery')),
    add column supply         text    not null default '',
    add column slot           text    not null default '',
    add column slot_start     timestamptz,
    add column slot_end       timestamptz,
    add column inclusive      boolean not null default true,
    add column discount_minor bigint  not null default 0 check (discount_minor >= 0),
    add column rounding_minor bigint  not null default 0,
    add column refunded_minor bigint  not null default 0;
update orders o set state_at = placed_at,
    inclusive = (select coalesce(sum(line_minor), 0) = o.total_minor from order_line l where l.order_id = o.id);
alter table orders
    alter column state drop default, alter column payment_method drop default, alter column fulfilment drop default,
    alter column inclusive drop default, alter column state_at set not null,
    add check ((state = 'awaiting_payment') = (expires_at is not null)),
    add check (state <> 'awaiting_payment' or payment_method = 'card'),
    add check (rounding_minor = 0 or payment_method <> 'card'),
    add check (refunded_minor between 0 and total_minor),
    add check ((slot = '') = (slot_start is null) and (slot_start is null) = (slot_end is null));
create index orders_expiring on orders (expires_at) where state = 'awaiting_payment';
create index orders_state    on orders (market, state, placed_at desc, id desc);

-- Which tax a line has its part in. Orders from before did not say: of each line
-- it is the one whose rate comes nearest.
create table order_tax_share (
    order_id  text    not null references orders on delete cascade,
    line      integer not null,
    tax       integer not null,
    net_minor bigint  not null,
    tax_minor bigint  not null,
    primary key (order_id, line, tax)
);
comment on table order_tax_share is 'class: resident; each line''s share in an order''s taxes';
insert into order_tax_share (order_id, line, tax, net_minor, tax_minor)
select l.order_id, l.n, t.n, case when o.inclusive then l.line_minor - l.tax_minor else l.line_minor end, l.tax_minor
  from order_line l join orders o on o.id = l.order_id
  join lateral (select x.n from order_tax x where x.order_id = l.order_id
                 order by abs(l.tax_minor - l.line_minor * x.rate::numeric / (100 + case when o.inclusive then x.rate::numeric else 0 end)), x.n limit 1) t on true;

create table order_discount (
    order_id  text    not null references orders on delete cascade,
    n         integer not null,
    promotion text    not null,
    label     text    not null,
    code      text    not null default '',
    minor     bigint  not null check (minor >= 0),
    primary key (order_id, n)
);
create index order_discount_promotion on order_discount (promotion);
comment on table order_discount is 'class: resident; what promotions took off an order';

create table order_event (
    order_id   text        not null references orders,
    n          bigint      not null,
    at         timestamptz not null,
    event      text        not null,
    actor      text        not null check (actor in ('buyer', 'owner', 'system', 'payment')),
    who        text        not null default '',
    from_state text        not null,
    to_state   text        not null,
    note       text        not null default '',
    primary key (order_id, n)
);
comment on table order_event is 'class: resident; the log of each order: who did what, and when';
create trigger order_event_append_only before update or delete on order_event for each row execute function append_only();
insert into order_event (order_id, n, at, event, actor, from_state, to_state)
select id, 1, placed_at, 'place', 'buyer', '', 'placed' from orders;

create table refund (
    order_id        text        not null references orders on delete cascade,
    n               integer     not null check (n > 0),
    idempotency_key text        not null,
    at              timestamptz not null,
    actor           text        not null check (actor in ('buyer', 'owner', 'system', 'payment')),
    who             text        not null default '',
    reason          text        not null default '',
    net_minor       bigint      not null,
    tax_minor       bigint      not null,
    total_minor     bigint      not null check (total_minor >= 0),
    settled_at      timestamptz,
    primary key (order_id, n),
    unique (order_id, idempotency_key),
    check (net_minor + tax_minor = total_minor)
);
create index refund_owed on refund (at) where settled_at is null;
comment on table refund is 'class: resident; credit notes: what buyers get back';

create table refund_line (
    order_id    text    not null,
    n           integer not null,
    line        integer not null,
    quantity    integer not null check (quantity > 0),
    restock     boolean not null,
    net_minor   bigint  not null,
    tax_minor   bigint  not null,
    total_minor bigint  not null,
    primary key (order_id, n, line),
    foreign key (order_id, n) references refund on delete cascade
);
comment on table refund_line is 'class: resident; the pieces that a refund is for';

create table refund_tax (
    order_id  text    not null,
    refund_n  integer not null,
    n         integer not null,
    label     text    not null,
    rate      text    not null,
    net_minor bigint  not null,
    tax_minor bigint  not null,
    primary key (order_id, refund_n, n),
    foreign key (order_id, refund_n) references refund on delete cascade
);
comment on table refund_tax is 'class: resident; the tax of each rate in a refund';

create table stock_level (
    market   text    not null,
    sku      text    not null,
    on_hand  integer not null,
    reserved integer not null default 0,
    primary key (market, sku),
    check (reserved >= 0 and on_hand >= reserved)
);
comment on table stock_level is 'class: resident; what is on hand of each SKU, and how much of that is reserved: the sums of stock_movement';

create table stock_movement (
    id       bigint generated always as identity primary key,
    at       timestamptz not null default now(),
    market   text        not null,
    sku      text        not null,
    kind     text        not null,
    on_hand  integer     not null,
    reserved integer     not null,
    order_id text        references orders,
    refund   integer,
    who      text        not null default '',
    note     text        not null default '',
    check (case kind
        when 'receive'   then on_hand > 0  and reserved = 0
        when 'reserve'   then on_hand = 0  and reserved > 0
        when 'release'   then on_hand = 0  and reserved < 0
        when 'sell'      then on_hand < 0  and reserved in (0, on_hand)
        when 'give_back' then on_hand > 0  and reserved = 0
        when 'correct'   then on_hand <> 0 and reserved = 0
        else false end)
);
create index stock_movement_sku on stock_movement (market, sku, id);
create unique index stock_movement_once on stock_movement (order_id, sku, kind, coalesce(refund, 0)) where order_id is not null;
comment on table stock_movement is 'class: resident; the ledger of stock: every movement, for ever';
create trigger stock_movement_append_only before update or delete on stock_movement for each row execute function append_only();

insert into stock_level (market, sku, on_hand) select market, slug, on_hand from stock;
insert into stock_movement (market, sku, kind, on_hand, reserved, note)
select market, slug, 'receive', on_hand, 0, 'opening' from stock where on_hand > 0;
drop table stock;

-- Where the levels, the ledger and the orders disagree: no rows when all is well.
create view stock_fault as
select market, sku, l.on_hand, coalesce(m.on_hand, 0) as moved, l.reserved, coalesce(m.reserved, 0) as moved_reserved, coalesce(o.reserved, 0) as ordered
  from stock_level l
  full join (select market, sku, sum(on_hand) as on_hand, sum(reserved) as reserved from stock_movement group by market, sku) m using (market, sku)
  full join (select o.market, l.sku, sum(l.quantity) as reserved from orders o join order_line l on l.order_id = o.id
              where o.state = 'awaiting_payment' group by o.market, l.sku) o using (market, sku)
 where l.on_hand is distinct from coalesce(m.on_hand, 0) or l.reserved is distinct from coalesce(m.reserved, 0)
    or l.reserved is distinct from coalesce(o.reserved, 0);
comment on view stock_fault is 'class: resident; where stock levels are not what the ledger and the orders say';

create table slot_use (
    market   text    not null,
    slot     text    not null,
    used     integer not null,
    capacity integer not null,
    primary key (market, slot),
    check (used >= 0 and used <= capacity)
);
comment on table slot_use is 'class: resident; how many orders each slot has';

-- Uses of promotions that have a limit: in all (buyer is '') and by buyer, an
-- e-mail address in lower case. Once there is a row it counts every order that
-- has the promotion and was not given back.
create table promotion_use (
    market    text    not null,
    promotion text    not null,
    buyer     text    not null,
    used      integer not null check (used >= 0),
    primary key (market, promotion, buyer)
);
comment on table promotion_use is 'class: resident; how often promotions with limits were used';

create table idempotency_key (
    scope  text        not null,
    key    text        not null,
    answer text        not null default '',
    at     timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotency_key_at on idempotency_key (at);
comment on table idempotency_key is 'class: resident; writes that were carried out, so that the same sent again does nothing';

-- +goose StatementBegin
create function stock_move(market_ text, sku_ text, kind_ text, on_hand_ integer, reserved_ integer, order_ text, refund_ integer, who_ text, note_ text)
    returns integer language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare available integer;
begin
    insert into stock_movement (market, sku, kind, on_hand, reserved, order_id, refund, who, note)
    values (market_, sku_, kind_, on_hand_, reserved_, order_, refund_, who_, note_);
    update stock_level set on_hand = on_hand + on_hand_, reserved = reserved + reserved_
     where market = market_ and sku = sku_ and on_hand + on_hand_ >= reserved + reserved_ and reserved + reserved_ >= 0
    returning on_hand - reserved into available;
    if available is null and kind_ in ('receive', 'give_back') then
        insert into stock_level as l (market, sku, on_hand) values (market_, sku_, on_hand_)
            on conflict (market, sku) do update set on_hand = l.on_hand + excluded.on_hand
        returning l.on_hand - l.reserved into available;
    end if;
    if available is null then
        raise exception 'too little stock' using errcode = 'MS001', detail = sku_;
    end if;
    return available;
end
$$;

create function cart_take(cart_ text, skus_ text[], quantities_ integer[], photos_ text[])
    returns void language plpgsql as $$
declare taken integer;
begin
    delete from cart_line c using unnest(skus_, quantities_, photos_) as o(sku, quantity, photo)
     where c.cart_id = cart_ and c.sku = o.sku and c.quantity = o.quantity and c.photo = o.photo;
    get diagnostics taken = row_count;
    if taken <> cardinality(skus_) then
        raise exception 'another cart' using errcode = 'MS002';
    end if;
end
$$;

create function slot_take(market_ text, slot_ text, capacity_ integer)
    returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if capacity_ > 0 then
        insert into slot_use as u (market, slot, used, capacity) values (market_, slot_, 1, capacity_)
            on conflict (market, slot) do update set used = u.used + 1, capacity = excluded.capacity where u.used < excluded.capacity;
    end if;
    if capacity_ < 1 or not found then
        raise exception 'slot full' using errcode = 'MS003', detail = slot_;
    end if;
end
$$;

create function slot_give(market_ text, slot_ text)
    returns void language sql security definer set search_path = pg_catalog, public, pg_temp
    begin atomic update slot_use set used = used - 1 where market = market_ and slot = slot_; end;

-- One use of a promotion, by an order whose order_discount row is written.
-- A limit of 0 is none. A first row counts the orders from before it.
create function promotion_take(market_ text, promotion_ text, buyer_ text, most_ integer)
    returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare uses integer;
begin
    update promotion_use set used = used + 1 where market = market_ and promotion = promotion_ and buyer = buyer_ returning used into uses;
    if uses is null and most_ > 0 then
        insert into promotion_use as u (market, promotion, buyer, used)
        select market_, promotion_, buyer_, count(*) from order_discount d join orders o on o.id = d.order_id
         where d.promotion = promotion_ and o.market = market_ and o.state not in ('cancelled', 'expired') and (buyer_ = '' or lower(o.email) = buyer_)
            on conflict (market, promotion, buyer) do update set used = u.used + 1
        returning u.used into uses;
    end if;
    if most_ > 0 and uses > most_ then
        raise exception 'promotion used up' using errcode = 'MS004', detail = promotion_;
    end if;
end
$$;

create function promotion_give(market_ text, promotion_ text, buyer_ text)
    returns void language sql security definer set search_path = pg_catalog, public, pg_temp
    begin atomic update promotion_use set used = greatest(used - 1, 0) where market = market_ and promotion = promotion_ and buyer = buyer_; end;

-- Leads an order of a known version to a state, and writes that into its log.
create function order_step(id_ text, version_ bigint, from_ text, to_ text, event_ text, actor_ text, who_ text, note_ text, at_ timestamptz, refunded_ bigint)
    returns void language plpgsql as $$
begin
    update orders set state = to_, version = version + 1, state_at = case when from_ = to_ then state_at else at_ end,
        expires_at = case when to_ = 'awaiting_payment' then expires_at end, refunded_minor = refunded_minor + refunded_
     where id = id_ and version = version_ and state = from_;
    if not found then
        raise exception 'the order has moved on' using errcode = 'MS005';
    end if;
    insert into order_event (order_id, n, at, event, actor, who, from_state, to_state, note)
    values (id_, version_ + 1, at_, event_, actor_, who_, from_, to_, note_);
end
$$;
-- +goose StatementEnd

revoke execute on function stock_move, slot_take, slot_give, promotion_take, promotion_give from public;
grant execute on function stock_move, slot_take, slot_give, promotion_take, promotion_give to meridian_shop, meridian_owner;

grant select on stock_level, stock_movement, stock_fault, slot_use, promotion_use, order_tax_share, order_discount, order_event, refund, refund_line, refund_tax
    to meridian_shop, meridian_owner;
grant insert on order_tax_share, order_discount to meridian_shop;
grant insert on order_event, refund, refund_line, refund_tax to meridian_shop, meridian_owner;
grant update (settled_at) on refund to meridian_shop, meridian_owner;
grant update (state, version, state_at, expires_at, refunded_minor) on orders to meridian_shop, meridian_owner;
grant select, insert, delete on idempotency_key to meridian_shop, meridian_owner;
