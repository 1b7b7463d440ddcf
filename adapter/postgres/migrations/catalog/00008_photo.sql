-- +goose Up
-- Products that are made with a photo of the buyer's.

alter table product add column takes_photo boolean not null default false;
