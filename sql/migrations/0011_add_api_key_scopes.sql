-- What a client may do with its key. Keys from before could do everything, and still can.

alter table api_keys add column scopes text[] not null
    default array['circles:read', 'circles:write', 'uploads:write', 'me'];

-- A new key says what it is for.
alter table api_keys alter column scopes drop default;
