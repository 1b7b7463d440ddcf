-- +goose Up
-- What owners' own systems are told, by HTTPS. A row is written in the
-- transaction of what it tells of, one for each endpoint that asks for it; the
-- shop sends them afterwards, at least once, to each endpoint in order.

create table hook_endpoint (
    id         text        primary key check (length(id) = 26),
    market     text        not null,
    url        text        not null check (length(url) <= 500),
    kinds      text[]      not null check (cardinality(kinds) > 0),
    secret     text        not null,
    old_secret text        not null default '',
    old_until  timestamptz,
    created_at timestamptz not null default now(),
    enabled    boolean     not null default true,
    check ((old_secret = '') = (old_until is null))
);
comment on table hook_endpoint is 'class: resident; addresses of owners'' systems, and the secrets that messages to them are signed with';
create index hook_endpoint_market on hook_endpoint (market, created_at, id);

create table hook_delivery (
    id       bigint generated always as identity primary key,
    tx       xid8        not null default pg_current_xact_id(),
    endpoint text        not null references hook_endpoint on delete cascade,
    message  text        not null, -- its id to the receiver: the same each time that it is sent
    kind     text        not null,
    at       timestamptz not null default now(),
    since    timestamptz not null default now(), -- it is tried from then on
    data     jsonb       not null,
    state    text        not null default 'waiting' check (state in ('waiting', 'sent', 'parked')),
    attempts integer     not null default 0,
    next_at  timestamptz not null default now(),
    done_at  timestamptz,
    failure  text        not null default '',
    unique (endpoint, message),
    check ((state = 'waiting') = (done_at is null))
);
comment on table hook_delivery is 'class: resident; messages to owners'' systems: which are owed, were sent, or given up on, and why';
create index hook_delivery_next on hook_delivery (endpoint, tx, id) where state = 'waiting';
create index hook_delivery_done on hook_delivery (done_at, id) where state <> 'waiting';
create index hook_delivery_list on hook_delivery (endpoint, id);

-- +goose StatementBegin
-- Owes a message to every endpoint of a market that asks for its kind. Again it
-- changes nothing.
create function hook_queue(market_ text, kind_ text, message_ text, data_ jsonb)
    returns void language sql security definer set search_path = pg_catalog, public, pg_temp
    begin atomic
        insert into hook_delivery (endpoint, message, kind, data)
        select id, message_, kind_, data_ from hook_endpoint where market = market_ and kind_ = any (kinds) and enabled
            on conflict (endpoint, message) do nothing;
    end;

-- What an order's log says is told; so no writer of it can forget to. Nothing of
-- the buyer's person is in it.
create function hook_of_event()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    kind text := case
        when new.to_state = 'placed' and new.event in ('place', 'authorise') then 'order.placed'
        when new.event = 'make_ready' then 'order.ready'
        when new.event = 'complete' then 'order.completed'
        when new.event = 'cancel' then 'order.cancelled' end;
    o orders;
begin
    if kind is not null then
        select * into o from orders where id = new.order_id;
        perform hook_queue(o.market, kind, new.order_id || '.' || new.n, jsonb_build_object('market', o.market, 'number', o.number,
            'state', new.to_state, 'version', new.n, 'currency', o.currency, 'total_minor', o.total_minor, 'tax_minor', o.tax_minor));
    end if;
    return null;
end
$$;

create function hook_of_refund()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare o orders;
begin
    select * into o from orders where id = new.order_id;
    perform hook_queue(o.market, 'refund.made', new.order_id || '.refund.' || new.n, jsonb_build_object('market', o.market, 'number', o.number,
        'refund', new.n, 'currency', o.currency, 'total_minor', new.total_minor, 'tax_minor', new.tax_minor));
    return null;
end
$$;

create function hook_of_payment()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare o orders;
begin
    select * into o from orders where id = new.order_id;
    perform hook_queue(o.market, 'payment.captured', new.order_id || '.captured.' || new.attempt || '.' || new.captured_minor, jsonb_build_object('market', o.market,
        'number', o.number, 'provider', new.provider, 'currency', new.currency, 'captured_minor', new.captured_minor));
    return null;
end
$$;

-- Told when it becomes little, not each time while it is.
create function hook_of_stock()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform hook_queue(new.market, 'stock.low', new.market || '.' || new.sku || '.' || pg_current_xact_id(),
        jsonb_build_object('market', new.market, 'sku', new.sku, 'available', new.on_hand - new.reserved));
    return null;
end
$$;
-- +goose StatementEnd

create trigger hook_of_event  after insert on order_event for each row execute function hook_of_event();
create trigger hook_of_refund after insert on refund for each row when (new.total_minor > 0) execute function hook_of_refund();
create trigger hook_of_payment after update of captured_minor on payment for each row
    when (new.captured_minor > old.captured_minor) execute function hook_of_payment();
create trigger hook_of_stock  after update on stock_level for each row
    when (old.on_hand - old.reserved > 5 and new.on_hand - new.reserved <= 5) execute function hook_of_stock();

revoke execute on function hook_queue, hook_of_event, hook_of_refund, hook_of_payment, hook_of_stock from public;
grant execute on function hook_queue to meridian_shop;
grant select on hook_endpoint to meridian_shop;
grant select, delete on hook_delivery to meridian_shop;
grant update (state, attempts, next_at, done_at, failure) on hook_delivery to meridian_shop, meridian_owner;
grant select, insert, update, delete on hook_endpoint to meridian_owner;
grant select on hook_delivery to meridian_owner;
