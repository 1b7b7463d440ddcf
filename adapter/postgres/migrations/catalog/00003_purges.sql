-- +goose Up
-- Purges that somebody asks for: by URL, by group, of everything, and softly;
-- and the list of who asked for which.

alter table outbox
    add column urls       text[]  not null default '{}',
    add column everything boolean not null default false,
    add column soft       boolean not null default false,
    add column purge_id   text    not null default '';

create table purge (
    id              text        primary key check (id ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    token           text        not null,
    idempotency_key text        not null,
    client          text        not null,
    at              timestamptz not null,
    groups          text[]      not null,
    urls            text[]      not null,
    everything      boolean     not null,
    soft            boolean     not null,
    regions         text[]      not null,
    result          jsonb       not null default '{}',
    unique (token, idempotency_key)
);
create index purge_at on purge (at desc);
comment on table purge is 'class: pseudonymous; who had what purged: the token''s name, the client''s truncated network, the result';

-- +goose StatementBegin
do $$
begin
    if not exists (select from pg_roles where rolname = 'meridian_ops') then
        create role meridian_ops nologin;
    end if;
end
$$;
-- +goose StatementEnd

-- Who writes to the outbox may read the place of what it has written, no more.
grant select (txid, seq) on outbox to meridian_owner;
grant insert, select (txid, seq) on outbox to meridian_ops;
grant select, insert, update (result) on purge to meridian_ops;
