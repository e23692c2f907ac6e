-- What reports read beside the rollups: an estimate of how speech sounded, and reminders.

-- Mean opinion score of Opus speech by ITU-T G.107 and G.107.1 (wideband); docs/mos.md says where
-- each number comes from.

-- The share of opinion that a transmission rating stands for: R of the narrowband scale (0 to 100)
-- to MOS, 1 to 4.5. Source: ITU-T G.107 (06/2015) Annex B.
create function mos_of_rating(rating double precision) returns double precision
language sql immutable strict parallel safe as $$
    select case
        when rating <= 0 then 1
        when rating >= 100 then 4.5
        -- Below 6.5 the polynomial sinks under 1.
        else greatest(1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6, 1)
    end
$$;

-- The wideband rating, 0 to 129. Source: ITU-T G.107.1 (06/2019): R = 129 - Idd - Ie,eff.
create function wideband_rating_of(
    loss_ratio double precision, jitter_ms double precision, rtt_ms double precision
) returns double precision
language sql immutable strict parallel safe as $$
    with
    paths as (
        select
            least(greatest(loss_ratio, 0), 1) * 100 as loss_percent,
            -- One way: half the round trip, a jitter buffer of twice the jitter, and one frame of
            -- 20 ms with the codec's look-ahead of 6.5 ms.
            greatest(rtt_ms, 0) / 2 + 2 * greatest(jitter_ms, 0) + 26.5 as delay_ms
    ),
    impairments as (
        select
            -- Ie,eff of Opus, with losses at random (BurstR = 1): Ie,wb = 19.96 and Bpl = 19.5.
            19.96 + (95 - 19.96) * loss_percent / (loss_percent + 19.5) as equipment,
            case
                when delay_ms <= 100 then 0
                else 25 * (
                    power(1 + power(log(delay_ms / 100) / log(2.0::float8), 6), 1.0 / 6)
                    - 3 * power(1 + power(log(delay_ms / 100) / log(2.0::float8) / 3, 6), 1.0 / 6)
                    + 2
                )
            end as delay
        from paths
    )
    select greatest(129 - delay - equipment, 0) from impairments
$$;

create function mos_of(
    loss_ratio double precision, jitter_ms double precision, rtt_ms double precision
) returns double precision
language sql immutable strict parallel safe as $$
    select mos_of_rating(wideband_rating_of(loss_ratio, jitter_ms, rtt_ms) / 1.29)
$$;

comment on function mos_of is
    'Estimated mean opinion score, 1 to 4.5: loss as a ratio, jitter and round trip in milliseconds. See docs/mos.md.';

grant execute on function mos_of, mos_of_rating, wideband_rating_of to analyst;

-- Reminders that left the system.
create view reminders_sent as
select circle_id, uid, min(updated_at) as sent_at
from pushes
where kind = 'reminder' and status = 'sent'
group by circle_id, uid;

comment on view reminders_sent is
    'Who was reminded of a circle, and when: what rsvp_conversion reads of deliveries.';
