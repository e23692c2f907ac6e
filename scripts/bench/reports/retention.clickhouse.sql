with
days as (
    select distinct uid, toDate(occurred_at) as day
    from events
    where event_type = 'memberJoined'
),
firsts as (select uid, min(day) as first_day from days group by uid)
select
    first_day, countIf(day = first_day),
    if(today() > first_day + 1, toNullable(countIf(day - first_day = 1)), null),
    if(today() > first_day + 7, toNullable(countIf(day - first_day = 7)), null),
    if(today() > first_day + 30, toNullable(countIf(day - first_day = 30)), null)
from days
join firsts using (uid)
group by first_day
having first_day >= toDate('{from}') and first_day < toDate('{to}')
order by first_day
