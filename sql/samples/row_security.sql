-- Shows what the policies let through, on the rows of circles.sql and in the API's role:
--     psql "$DATABASE_URL" -f sql/samples/row_security.sql
-- The API says who asks in `circles.uid`, for each transaction. Nothing of this stays.

begin;
set local role circles_api;

\echo 'A stranger sees the public and the private circle, and nobody in the secret one:'
set local circles.uid = 'stranger';
select title, privacy, (select count(*) from seats where seats.circle_id = circles.circle_id) as seats
from circles
order by title;

\echo 'Dan sits in the secret circle and sees it:'
set local circles.uid = 'dan';
select title, privacy, (select count(*) from seats where seats.circle_id = circles.circle_id) as seats
from circles
order by title;

\echo 'Dan changes the title of a circle that he does not run: refused.'
savepoint before_change;
update circles set title = 'Mine now' where title = 'Vinyl night';
rollback to before_change;

\echo 'Bob is co-host and may:'
set local circles.uid = 'bob';
update circles set title = 'Vinyl night, side B' where title = 'Vinyl night' returning title;

rollback;
