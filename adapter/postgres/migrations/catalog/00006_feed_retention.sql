-- +goose Up
-- Old rows of the outbox and of the list of purges are removed. What a follower
-- must know of that, and of which history of the cluster this is, is one row.

create table feed_state (
    one     boolean primary key default true check (one),
    history uuid    not null default gen_random_uuid(),
    txid    xid8    not null default '0',
    seq     bigint  not null default 0
);
comment on table feed_state is 'class: public; up to where the outbox has been emptied; and a random name, which is changed by hand when a copy of the files was put back that PostgreSQL cannot tell from the original';
insert into feed_state default values;

-- The right to remove is that to old rows alone: who holds it cannot hide what
-- it has just done.

-- +goose StatementBegin
create function outbox_forget(before timestamptz, most integer) returns integer
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare n integer;
begin
    with front as (
        select txid, seq, at from outbox order by txid, seq limit most
    ), gone as (
        delete from outbox using front
         where outbox.seq = front.seq and front.at < least(before, now() - interval '1 hour')
        returning outbox.txid, outbox.seq
    ), last as (
        select txid, seq from gone order by txid desc, seq desc limit 1
    ), told as (
        update feed_state set txid = last.txid, seq = last.seq from last
         where (last.txid, last.seq) > (feed_state.txid, feed_state.seq)
    )
    select count(*) into n from gone;
    return n;
end
$$;

create function purge_forget(before timestamptz, most integer) returns integer
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare n integer;
begin
    delete from purge where id in (
        select id from purge where at < least(before, now() - interval '1 day') order by at limit most);
    get diagnostics n = row_count;
    return n;
end
$$;
-- +goose StatementEnd

revoke execute on function outbox_forget(timestamptz, integer), purge_forget(timestamptz, integer) from public;
grant execute on function outbox_forget(timestamptz, integer), purge_forget(timestamptz, integer) to meridian_ops;

grant select on feed_state to meridian_shop;
grant execute on function pg_control_system() to meridian_shop;
