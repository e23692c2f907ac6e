// The stack that the first draft of the product assumed: Express and pg, with the same SQL for joining
// a circle and for the directory as our API. Environment: PORT, PGHOST, PGUSER, PGDATABASE, SECRET,
// API_KEY, WORKERS, SESSIONS.
'use strict';
const cluster = require('cluster');
const crypto = require('crypto');

if (cluster.isPrimary) {
    for (let i = 0; i < Number(process.env.WORKERS || 1); i++) cluster.fork();
    process.on('SIGTERM', () => process.exit(0));
    // Who started us may be killed, and we would keep the port.
    const starter = process.ppid;
    setInterval(() => process.ppid === starter || process.exit(1), 1000);
    return;
}

const express = require('express');
const { Pool } = require('pg');
const sessions = Number(process.env.SESSIONS || 8) / Number(process.env.WORKERS || 1);
const pool = new Pool({ max: Math.ceil(sessions) });
pool.on('connect', (client) => client.query(
    // The latter two as CircleStore has them: plans for tables that were empty are kept.
    'set role circles_api; set enable_seqscan = off; set jit = off'));
const secret = process.env.SECRET;
const keyHash = crypto.createHash('sha256').update(process.env.API_KEY).digest();
const app = express();
app.disable('x-powered-by');

const base64url = (value) => Buffer.from(value).toString('base64url');
const hmac = (text) => crypto.createHmac('sha256', secret).update(text).digest();

function verify(token) {
    const [header, claims, signature] = token.split('.');
    const expected = hmac(`${header}.${claims}`);
    const given = Buffer.from(signature, 'base64url');
    if (given.length !== expected.length || !crypto.timingSafeEqual(given, expected)) throw new Error('token');
    const parsed = JSON.parse(Buffer.from(claims, 'base64url'));
    if (parsed.exp * 1000 < Date.now()) throw new Error('expired');
    return parsed;
}

function sign(claims) {
    const body = `${base64url(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))}.${base64url(JSON.stringify(claims))}`;
    return `${body}.${hmac(body).toString('base64url')}`;
}

app.use((request, response, next) => {
    try {
        const hash = crypto.createHash('sha256').update(request.get('X-API-Key')).digest();
        if (!crypto.timingSafeEqual(hash, keyHash)) throw new Error('key');
        request.uid = verify(request.get('Authorization').slice(7)).sub;
        next();
    } catch (error) {
        response.status(401).json({ code: 'token_invalid' });
    }
});

const circleColumns = `circles.circle_id, title, category, privacy, host_uid, co_host_uids, cover_url,
    start_at, duration_min, max_speakers, max_listeners, mic_policy, status, circles.created_at,
    started_at, ended_at, version`;

app.post('/v1/circles/:id/join', async (request, response) => {
    const client = await pool.connect();
    const id = request.params.id, uid = request.uid, now = new Date();
    const query = (name, text, values) => client.query({ name, text, values });
    try {
        await client.query(`begin; set local circles.uid = '${uid}'`);
        const circle = (await query('circle', `select ${circleColumns}, event_seq, last_event_at
            from circles where circle_id = $1 for update`, [id])).rows[0];
        await query('bans', 'select 1 from bans where circle_id = $1 and uid = $2', [id, uid]);
        await query('seat', `select uid, session_id, role, is_muted, hand_raised_at, joined_at,
            lease_expires_at, device_id, invited_at, invited_by_uid
            from seats where circle_id = $1 and uid = $2`, [id, uid]);
        const counts = (await query('occupancy', `select count(*) filter (where role = 'listener'),
            count(*) filter (where role in ('speaker', 'coHost')) as guests
            from seats where circle_id = $1`, [id])).rows[0];
        const node = (await query('node', `select sfu_nodes.node_id, url, is_draining,
            circle_placements.circle_id is not null
            from sfu_nodes left join circle_placements
                on circle_placements.node_id = sfu_nodes.node_id
                and circle_placements.circle_id = $1
            where stopped_at is null and heartbeat_at >= $2 and url <> ''`,
            [id, new Date(now.getTime() - 10e3)])).rows[0];
        if (Number(counts.count) >= circle.max_listeners) throw Object.assign(new Error('full'), { status: 409 });
        const session = crypto.randomUUID();
        await query('insert', `insert into seats (circle_id, uid, session_id, role, is_muted,
            hand_raised_at, joined_at, lease_expires_at, device_id, is_secret)
            values ($1, $2, $3, 'listener', false, null, $4, $5, null, false)`,
            [id, uid, session, now, new Date(now.getTime() + 3600e3)]);
        const sequence = Number(circle.event_seq) + 1;
        await query('outbox', `insert into outbox (circle_id, source_seq, event_type, trace_id, record, created_at)
            select $1, $2, $5, $4, $6, $3
            from app_number_events($1, $2, $3, 'asBefore', $3)`,
            [id, sequence, now, crypto.randomUUID(), 'memberJoined', crypto.randomBytes(110)]);
        await client.query('commit');
        const seconds = Math.floor(Date.now() / 1000);
        response.json({
            circleId: id, status: circle.status, role: 'listener', sessionId: session, resumed: false,
            token: sign({ iss: 'circles', sub: uid, nbf: seconds, exp: seconds + 600, role: 'listener',
                sid: session, video: { room: id, roomJoin: true, canPublish: false, canSubscribe: true,
                    canPublishData: false, canPublishSources: [] } }),
            tokenExpiresAt: new Date((seconds + 600) * 1000).toISOString(),
            sfuUrl: node && node.url, whepUrl: node && `${node.url}/whep/${id}`,
        });
    } catch (error) {
        await client.query('rollback');
        response.status(error.status || 500).json({ code: error.message });
    } finally {
        client.release();
    }
});

app.get('/v1/circles', async (request, response) => {
    const client = await pool.connect();
    try {
        await client.query(`begin; set local circles.uid = '${request.uid}'`);
        const rows = (await client.query({
            name: 'directory', values: [request.uid, 21],
            text: `select ${circleColumns}, occupancy.listener_count, occupancy.speaker_count
                from (
                    select * from circles
                    where (privacy <> 'secret' or host_uid = $1 or $1 = any (co_host_uids)
                        or exists (select from invitations
                            where invitations.circle_id = circles.circle_id and invitations.uid = $1))
                    order by start_at desc, circle_id desc limit $2
                ) as circles
                cross join lateral (
                    select count(*) filter (where role = 'listener') as listener_count,
                        count(*) filter (where role <> 'listener') as speaker_count
                    from seats where seats.circle_id = circles.circle_id) as occupancy
                order by start_at desc, circles.circle_id desc`,
        })).rows;
        await client.query('commit');
        response.json({
            circles: rows.slice(0, 20).map((row) => ({
                circleId: row.circle_id, title: row.title, category: row.category, privacy: row.privacy,
                hostUid: row.host_uid, coHostUids: row.co_host_uids, startAt: row.start_at,
                durationMin: row.duration_min, maxSpeakers: row.max_speakers,
                maxListeners: row.max_listeners, micPolicy: row.mic_policy, status: row.status,
                createdAt: row.created_at, startedAt: row.started_at,
                listenerCount: Number(row.listener_count), speakerCount: Number(row.speaker_count),
            })),
            nextCursor: rows.length > 20 ? base64url(`${+rows[19].start_at}.${rows[19].circle_id}`) : undefined,
        });
    } finally {
        client.release();
    }
});

app.listen(Number(process.env.PORT), '127.0.0.1');
