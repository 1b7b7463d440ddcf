-- +goose Up
-- Letters to buyers. A row is written in the transaction of what it tells of,
-- so a letter is owed exactly when that has happened; it is sent afterwards, at
-- least once. What it says is read from the order when it is written: no copy
-- of anybody's data lies here.

create table mail (
    id       bigint generated always as identity primary key,
    order_id text        not null references orders on delete cascade,
    kind     text        not null check (kind in ('placed', 'payment_failed', 'ready', 'cancelled', 'refunded')),
    n        bigint      not null check (n > 0),
    at       timestamptz not null default now(),
    state    text        not null default 'waiting' check (state in ('waiting', 'sent', 'parked')),
    attempts integer     not null default 0,
    next_at  timestamptz not null default now(),
    done_at  timestamptz,
    failure  text        not null default '',
    unique (order_id, kind, n),
    check ((state = 'waiting') = (done_at is null))
);
comment on table mail is 'class: resident; letters to buyers: which are owed, were sent, or given up on, and why';
create index mail_due  on mail (next_at, id) where state = 'waiting';
create index mail_done on mail (done_at, id) where state <> 'waiting';

-- +goose StatementBegin
-- Owes the n-th letter of a kind about an order. Again it changes nothing.
create function mail_queue(order_ text, kind_ text, n_ bigint)
    returns void language sql security definer set search_path = pg_catalog, public, pg_temp
    begin atomic insert into mail (order_id, kind, n) values (order_, kind_, n_) on conflict (order_id, kind, n) do nothing; end;

-- What an order's log says is told to its buyer; so no writer of it can forget to.
create function mail_of_event()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare kind text := case
    when new.to_state = 'placed' and new.event in ('place', 'authorise') then 'placed'
    when new.event = 'make_ready' then 'ready'
    when new.event = 'cancel' then 'cancelled' end;
begin
    if kind is not null then
        perform mail_queue(new.order_id, kind, new.n);
    end if;
    return null;
end
$$;

-- A cancellation tells of the money that goes back with it.
create function mail_of_refund()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform mail_queue(new.order_id, 'refunded', new.n);
    return null;
end
$$;
-- A payment that did not work, while the order still waits for one.
create function mail_of_payment()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from orders where id = new.order_id and state = 'awaiting_payment') then
        perform mail_queue(new.order_id, 'payment_failed', new.attempt);
    end if;
    return null;
end
$$;
-- +goose StatementEnd

create trigger mail_of_payment after update of state on payment for each row
    when (new.state = 'failed' and old.state <> 'failed') execute function mail_of_payment();
create trigger mail_of_event  after insert on order_event for each row execute function mail_of_event();
create trigger mail_of_refund after insert on refund for each row
    when (new.idempotency_key <> 'cancel' and new.total_minor > 0) execute function mail_of_refund();

revoke execute on function mail_queue, mail_of_event, mail_of_refund, mail_of_payment from public;
grant execute on function mail_queue to meridian_shop, meridian_owner;
grant select, delete on mail to meridian_shop;
grant update (state, attempts, next_at, done_at, failure) on mail to meridian_shop, meridian_owner;
grant select on mail to meridian_owner;
