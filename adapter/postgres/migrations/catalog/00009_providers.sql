-- +goose Up
-- Outside CDNs, which are told what the feed says: how far each has carried it
-- out. Whoever tells them goes on from there after a crash.

create table provider (
    name     text        primary key,
    cursor   text        not null,
    at       timestamptz not null,
    error    text        not null default '',
    since    timestamptz,
    given_up boolean     not null default false
);
comment on table provider is 'class: public; how far each outside CDN has carried out this region''s feed, and why one does not get on';

grant select, insert, update on provider to meridian_ops;

-- Who brings the feed to others reads it.
grant select on outbox, feed_state to meridian_ops;
grant execute on function pg_control_system(), pg_control_checkpoint() to meridian_ops;
