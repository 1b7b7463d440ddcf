-- +goose Up
-- The resident cluster: personal data. Nothing outside the zone can connect to it.

create table cart (
    id         text        primary key check (length(id) = 26),
    market     text        not null,
    updated_at timestamptz not null default now()
);
comment on table cart is 'class: resident; a browser''s cart';

create table cart_line (
    cart_id  text    not null references cart on delete cascade,
    slug     text    not null,
    quantity integer not null check (quantity between 1 and 99),
    added_at timestamptz not null default now(),
    primary key (cart_id, slug)
);
comment on table cart_line is 'class: resident; what is in a cart';

create table stock (
    market  text    not null,
    slug    text    not null,
    on_hand integer not null check (on_hand >= 0),
    primary key (market, slug)
);
comment on table stock is 'class: resident; the stock ledger: how many can still be sold';

create table orders (
    id              text        primary key check (length(id) = 26),
    number          text        not null unique,
    market          text        not null,
    cart_id         text        not null,
    idempotency_key text        not null,
    locale          text        not null,
    name            text        not null,
    email           text        not null,
    phone           text        not null default '',
    line1           text        not null,
    line2           text        not null default '',
    city            text        not null,
    state           text        not null default '',
    postal_code     text        not null,
    jurisdiction    text        not null,
    currency        text        not null,
    net_minor       bigint      not null,
    tax_minor       bigint      not null,
    total_minor     bigint      not null,
    placed_at       timestamptz not null default now(),
    unique (cart_id, idempotency_key),
    check (net_minor + tax_minor = total_minor)
);
create index orders_market_placed on orders (market, placed_at desc);
create index orders_cart on orders (cart_id);
comment on table orders is 'class: resident; placed orders';

create table order_line (
    order_id      text    not null references orders on delete cascade,
    n             integer not null,
    slug          text    not null,
    name          text    not null,
    tax_class     text    not null,
    quantity      integer not null check (quantity > 0),
    unit_minor    bigint  not null,
    line_minor    bigint  not null,
    tax_minor     bigint  not null,
    price_version bigint  not null,
    primary key (order_id, n)
);
comment on table order_line is 'class: resident; what was bought, as it was quoted';

create table order_tax (
    order_id  text    not null references orders on delete cascade,
    n         integer not null,
    label     text    not null,
    rate      text    not null,
    net_minor bigint  not null,
    tax_minor bigint  not null,
    primary key (order_id, n)
);
comment on table order_tax is 'class: resident; the tax of each rate on an order';

create table owner_account (
    market        text not null,
    email         text not null,
    password_hash text not null,
    primary key (market, email)
);
comment on table owner_account is 'class: resident; franchise owners who may sign in';

create table owner_session (
    token_hash bytea       primary key,
    market     text        not null,
    email      text        not null,
    expires_at timestamptz not null,
    foreign key (market, email) references owner_account on delete cascade
);
comment on table owner_session is 'class: resident; signed-in owners';
