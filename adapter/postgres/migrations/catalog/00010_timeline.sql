-- +goose Up
-- Which timeline the primary writes on, as a row: it reaches a standby with the
-- log, so a standby that shows a timeline has replayed the promotion which began it.

create table timeline (
    one boolean primary key default true check (one),
    n   bigint  not null
);
comment on table timeline is 'class: public; the timeline that the primary writes on, noted by the first who connects to it';
insert into timeline (n) select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;

-- +goose StatementBegin
create function timeline_note() returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare now bigint := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
begin
    update timeline set n = now where n <> now;
    return now;
end
$$;
-- +goose StatementEnd

revoke execute on function timeline_note() from public;
grant select on timeline to meridian_shop, meridian_media, meridian_owner, meridian_ops;
grant execute on function timeline_note() to meridian_shop, meridian_media, meridian_owner, meridian_ops;
