-- +goose Up
-- Invoices, receipts and credit notes. A document is owed in the transaction
-- that places its order or gives a refund. It is issued, with its number,
-- afterwards and before the goods are handed over, which is when the law wants
-- it: a number has no gaps only if it is taken under a lock, and checkouts of
-- one market would all wait for each other if they took theirs themselves.

alter table orders
    add column company      text not null default '',
    add column tax_id       text not null default '',
    add column tax_id_proof text not null default '';

create table invoice_series (
    market text    not null,
    credit boolean not null,
    year   integer not null,
    last   integer not null check (last > 0),
    primary key (market, credit, year)
);
comment on table invoice_series is 'class: resident; the last number of each market''s documents of a year';

create table invoice (
    order_id  text        not null references orders,
    refund_n  integer     not null default 0 check (refund_n >= 0),
    market    text        not null,
    credit    boolean     not null generated always as (refund_n > 0) stored,
    owed_at   timestamptz not null default now(),
    year      integer,
    n         integer,
    number    text,
    issued_on date,
    model     smallint,
    document  jsonb,
    primary key (order_id, refund_n),
    unique (market, credit, year, n),
    unique (market, number),
    check (num_nulls(year, n, number, issued_on, model, document) in (0, 6))
);
comment on table invoice is 'class: resident; documents of orders (refund 0) and refunds: as they were issued, or still owed';
comment on column invoice.model is 'version of the form that the document is kept in';
create index invoice_owed on invoice (owed_at, order_id, refund_n) where document is null;

create trigger invoice_kept   before delete on invoice for each row execute function append_only();
create trigger invoice_frozen before update on invoice for each row when (old.document is not null) execute function append_only();

-- +goose StatementBegin
create function series_runs_on() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.last <> 1 or tg_op = 'UPDATE' and new.last <> old.last + 1 then
        raise exception 'numbers of documents run on by one' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create function invoice_of_event()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into invoice (order_id, market) select id, market from orders where id = new.order_id
        on conflict (order_id, refund_n) do nothing;
    return null;
end
$$;

create function invoice_of_refund()
    returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into invoice (order_id, refund_n, market) select order_id, new.n, market from invoice where order_id = new.order_id and refund_n = 0
        on conflict (order_id, refund_n) do nothing;
    return null;
end
$$;
-- +goose StatementEnd

create trigger series_runs_on before insert or update on invoice_series for each row execute function series_runs_on();
create trigger series_kept    before delete on invoice_series for each row execute function append_only();
create trigger invoice_of_event after insert on order_event for each row
    when (new.to_state = 'placed' and new.event in ('place', 'authorise')) execute function invoice_of_event();
create trigger invoice_of_refund after insert on refund for each row
    when (new.total_minor > 0) execute function invoice_of_refund();
revoke execute on function invoice_of_event, invoice_of_refund from public;

grant select, insert on invoice_series to meridian_shop;
grant update (last) on invoice_series to meridian_shop;
grant select on invoice to meridian_shop, meridian_owner;
grant update (year, n, number, issued_on, model, document) on invoice to meridian_shop;
