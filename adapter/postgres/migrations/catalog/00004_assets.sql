-- +goose Up
-- Assets in full: whose they are, who may see them and who decided so, which
-- version is shown and how each was made, and how a deleted one goes.

alter table asset
    add column owner           text        not null default '' check (octet_length(owner) <= 64),
    add column audience        text        not null default 'public' check (audience in ('public', 'private')),
    add column zone            text        not null default '',
    add column moderation      text        not null default 'approved' check (moderation in ('pending', 'approved', 'withheld')),
    add column moderated_at    timestamptz not null default now(),
    add column current_version integer,
    add column deleted_at      timestamptz;
update asset a set
    moderation      = case a.visibility when 'public' then 'approved' else 'withheld' end,
    moderated_at    = a.created_at,
    current_version = (select max(version) from asset_version v where v.media_id = a.media_id);
alter table asset
    drop column visibility,
    alter column current_version set not null,
    add check ((zone = '') = (audience = 'public')),
    add foreign key (media_id, current_version) references asset_version (media_id, version) deferrable initially deferred;
-- Whoever asks for visibility = 'public' can show nothing that may not be shown.
alter table asset add column visibility text not null generated always as (
    case when moderation <> 'approved' or deleted_at is not null then 'withheld' else audience end) stored;
create index asset_pending on asset (app, created_at desc) where moderation = 'pending' and deleted_at is null;

alter table asset_version
    add column frames           integer not null default 1 check (frames > 0),
    add column color            text    check (color ~ '^#[0-9a-f]{6}$'),
    add column thumbhash        text    not null default '' check (octet_length(thumbhash) <= 36),
    add column focal_x          double precision check (focal_x between 0 and 1),
    add column focal_y          double precision check (focal_y between 0 and 1),
    add column from_version     integer,
    add column edit             jsonb,
    add column moderation       text    not null default 'approved' check (moderation in ('pending', 'approved', 'withheld')),
    add column mezzanine_state  text    not null default 'none' check (mezzanine_state in ('none', 'pending', 'made', 'failed')),
    add column mezzanine_sha256 text    not null default '' check (mezzanine_sha256 ~ '^([0-9a-f]{64})?$'),
    add foreign key (media_id, from_version) references asset_version (media_id, version),
    add check ((focal_x is null) = (focal_y is null)),
    add check (from_version < version),
    add check ((mezzanine_state = 'made') = (mezzanine_sha256 <> ''));
update asset_version v set color = a.color from asset a where a.media_id = v.media_id;
alter table asset_version alter column color set not null;
alter table asset drop column color;
create index asset_version_pending on asset_version (media_id) where moderation = 'pending';

alter table replica add column verified_at timestamptz;

create table moderation (
    seq      bigint generated always as identity primary key,
    media_id text        not null references asset on delete cascade,
    version  integer     not null default 0 check (version >= 0),
    state    text        not null check (state in ('pending', 'approved', 'withheld')),
    by       text        not null check (octet_length(by) <= 64),
    reason   text        not null default '' check (octet_length(reason) <= 500),
    at       timestamptz not null default now()
);
create index moderation_asset on moderation (media_id, seq desc);
comment on table moderation is 'class: pseudonymous; every decision about an asset, or about one version (0: the asset): who, when and why';

create table deletion (
    receipt  text        primary key check (receipt ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    media_id text        not null unique references asset,
    by       text        not null check (octet_length(by) <= 64),
    at       timestamptz not null
);
comment on table deletion is 'class: pseudonymous; the receipt of an asset''s deletion: who asked and when';

create table removal (
    media_id text        not null references deletion (media_id),
    region   text        not null,
    state    text        not null check (state in ('pending', 'removed', 'failed')),
    at       timestamptz not null,
    error    text        not null default '',
    primary key (media_id, region)
);
create index removal_open on removal (region, at) where state <> 'removed';
comment on table removal is 'class: public; how far a deleted asset''s bytes have gone from a region';

grant select, insert on moderation, deletion to meridian_media;
grant select, insert, update on removal to meridian_media;
grant select on removal to meridian_owner;
-- Who writes to the outbox may read the place of what it has written, no more.
grant select (txid, seq) on outbox to meridian_media;
