-- +goose Up
-- Payments by a provider. A row is written before the provider is asked for
-- anything, so that whatever a crash leaves half done is found from here and
-- finished. What the provider says comes and goes; the row joins it by version.

create table payment (
    key            text primary key check (key ~ '^[A-Za-z0-9_-]{1,64}$'),
    order_id       text        not null references orders,
    market         text        not null,
    attempt        integer     not null check (attempt > 0),
    provider       text        not null,
    ref            text        not null default '',
    state          text        not null check (state in ('opened', 'action_required', 'authorised', 'captured', 'failed', 'voided')),
    currency       text        not null,
    amount_minor   bigint      not null check (amount_minor > 0),
    captured_minor bigint      not null default 0 check (captured_minor between 0 and amount_minor),
    refunded_minor bigint      not null default 0 check (refunded_minor between 0 and captured_minor),
    failure        text        not null default '',
    version        bigint      not null default 0,
    opened_at      timestamptz not null,
    changed_at     timestamptz not null,
    due_at         timestamptz,
    wakes          bigint      not null default 0,
    leased_until   timestamptz,
    tries          integer     not null default 0,
    trouble        text        not null default '',
    unique (order_id, attempt),
    check ((state = 'captured') = (captured_minor > 0))
);
comment on table payment is 'class: resident; what is known of each payment, and when it is to be looked after';
comment on column payment.due_at is 'when it is to be looked after; null: not by itself';
comment on column payment.wakes is 'counts up with everything that makes it due, so that who has looked after it sees what came meanwhile';

-- An order has one payment at a time: nothing can be captured twice for it.
create unique index payment_alive on payment (order_id) where state not in ('failed', 'voided');
create unique index payment_ref   on payment (provider, ref) where ref <> '';
create index payment_due          on payment (due_at) where due_at is not null;
create index payment_recent       on payment (changed_at);
create index payment_market       on payment (market, opened_at desc, key);

create table payment_event (
    provider    text        not null,
    id          text        not null,
    payment     text        not null references payment on delete cascade,
    at          timestamptz not null,
    received_at timestamptz not null,
    primary key (provider, id)
);
create index payment_event_received on payment_event (received_at);
create index payment_event_payment  on payment_event (payment);
comment on table payment_event is 'class: resident; messages of providers that were taken, so that each wakes its payment once';

-- Whoever changes an order or owes a refund wakes its payment, in the same
-- transaction; it need not know of payments.
-- +goose StatementBegin
create function wake_payment() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    id_ text := case tg_table_name when 'orders' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'order_id' end;
begin
    update payment set due_at = now(), wakes = wakes + 1 where order_id = id_;
    return null;
end
$$;
-- +goose StatementEnd
revoke execute on function wake_payment from public;

create trigger orders_wake_payment after update of state on orders for each row
    when (old.state is distinct from new.state and new.payment_method = 'card') execute function wake_payment();
create trigger refund_wake_payment after insert on refund for each row
    when (new.settled_at is null) execute function wake_payment();

-- Where nothing is left to do and yet the money is not what the order says: no
-- rows when all is well.
create view payment_fault as
select o.id as order_id, o.number, o.market, o.state, o.currency, m.have,
       case when o.state in ('placed', 'preparing', 'ready', 'completed') then o.total_minor + o.rounding_minor - o.refunded_minor else 0 end as want, m.changed_at
  from (select order_id, sum(captured_minor - refunded_minor) as have, max(changed_at) as changed_at
          from payment group by order_id having bool_and(due_at is null)) m
  join orders o on o.id = m.order_id
 where m.have <> case when o.state in ('placed', 'preparing', 'ready', 'completed') then o.total_minor + o.rounding_minor - o.refunded_minor else 0 end;
comment on view payment_fault is 'class: resident; orders whose money is not what they say';

grant select, insert on payment to meridian_shop;
grant update (ref, state, captured_minor, refunded_minor, failure, version, changed_at, due_at, wakes, leased_until, tries, trouble) on payment to meridian_shop;
grant select, insert, delete on payment_event to meridian_shop;
grant select on payment_fault to meridian_shop;
grant select on payment to meridian_owner;
