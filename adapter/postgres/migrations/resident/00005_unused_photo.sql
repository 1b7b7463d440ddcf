-- +goose Up
-- Photos that visitors gave and that may belong to nothing any more: each is
-- noted before it is taken in, and again when a cart lets go of it. It is deleted
-- once no cart and no order holds it, and then it is no longer here.

create table unused_photo (
    media_id text primary key check (media_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    since    timestamptz not null default now(),
    tried_at timestamptz,
    error    text        not null default ''
);
comment on table unused_photo is 'class: resident; photos of visitors that are deleted unless a cart or an order holds them';
create index unused_photo_since on unused_photo (since);

create index cart_line_photo  on cart_line  (photo) where photo <> '';
create index order_line_photo on order_line (photo) where photo <> '';

-- Lines go in many ways: one by one, with their cart, by an order. What holds
-- for all is told here.
-- +goose StatementBegin
create function note_photo() returns trigger language plpgsql as $$
begin
    insert into unused_photo (media_id) values (old.photo)
        on conflict (media_id) do update set since = excluded.since, tried_at = null;
    return null;
end
$$;
-- +goose StatementEnd

create trigger cart_line_let_go after delete on cart_line for each row
    when (old.photo <> '') execute function note_photo();
create trigger cart_line_other_photo after update of photo on cart_line for each row
    when (old.photo <> '' and old.photo <> new.photo) execute function note_photo();

grant select, insert, update, delete on unused_photo to meridian_shop;
