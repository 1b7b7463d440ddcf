-- +goose Up
-- What nobody needs any more is found without reading all there is.

create index cart_updated on cart (updated_at);
create index owner_session_expires on owner_session (expires_at);
