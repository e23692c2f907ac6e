-- Who speaks now, for readers who come in the middle. Whoever has spoken since before this column
-- was there shows once their node says it again: nodes tell all that they know every few seconds.

alter table members add column is_speaking boolean not null default false;
alter table members alter column is_speaking drop default;
