-- +goose Up
-- The catalog cluster: public data only. It is replicated to every region.

create table product (
    market    text    not null,
    slug      text    not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    tax_class text    not null,
    featured  boolean not null default false,
    place     integer not null default 0,
    art       text    not null default '',
    media_id  text,
    primary key (market, slug)
);
comment on table product is 'class: public; what a market sells';

create table product_text (
    market      text not null,
    slug        text not null,
    locale      text not null,
    name        text not null,
    description text not null,
    allergens   text not null default '',
    primary key (market, slug, locale),
    foreign key (market, slug) references product on delete cascade
);
comment on table product_text is 'class: public; a product''s words in one locale';

create table price (
    market       text        not null,
    slug         text        not null,
    version      bigint      not null check (version > 0),
    amount_minor bigint      not null check (amount_minor >= 0),
    currency     text        not null check (currency ~ '^[A-Z]{3}$'),
    valid_from   timestamptz not null default now(),
    primary key (market, slug, version),
    foreign key (market, slug) references product on delete cascade
);
comment on table price is 'class: public; every price a product ever had; the highest version holds';

create table asset (
    media_id     text        primary key check (media_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    app          text        not null,
    name         text        not null,
    visibility   text        not null default 'public' check (visibility in ('public', 'private', 'withheld')),
    write_region text        not null,
    color        text        not null check (color ~ '^#[0-9a-f]{6}$'),
    created_at   timestamptz not null default now()
);
create index asset_app_created on asset (app, created_at desc);
comment on table asset is 'class: public; an uploaded picture: the head of its manifest';

create table asset_version (
    media_id   text        not null references asset on delete cascade,
    version    integer     not null check (version > 0),
    sha256     text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    media_type text        not null,
    bytes      bigint      not null check (bytes > 0),
    width      integer     not null check (width > 0),
    height     integer     not null check (height > 0),
    created_at timestamptz not null default now(),
    primary key (media_id, version)
);
create index asset_version_sha256 on asset_version (sha256);
comment on table asset_version is 'class: public; an asset''s immutable revisions';

create table replica (
    sha256 text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    region text        not null,
    state  text        not null check (state in ('pending', 'copied', 'failed')),
    at     timestamptz not null default now(),
    error  text        not null default '',
    primary key (sha256, region)
);
comment on table replica is 'class: public; which regions hold a durable copy of an original';

create table outbox (
    seq    bigint generated always as identity primary key,
    txid   xid8        not null default pg_current_xact_id(),
    kind   text        not null,
    groups text[]      not null default '{}',
    at     timestamptz not null default now()
);
create index outbox_order on outbox (txid, seq);
comment on table outbox is 'class: public; what must reach other regions and PoPs, in order: the feed';

-- +goose StatementBegin
create function outbox_wake() returns trigger language plpgsql as $$
begin
    perform pg_notify('outbox', '');
    return null;
end
$$;
-- +goose StatementEnd
create trigger outbox_wake after insert on outbox for each statement execute function outbox_wake();
