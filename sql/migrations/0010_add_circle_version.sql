-- Counts the changes of a circle's own description and status: what If-Match is held against.

alter table circles add column version bigint not null default 1;
