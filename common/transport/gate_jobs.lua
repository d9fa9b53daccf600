-- Jobs

local NUMBERS = { 'level', 'cpu0', 'cpu1', 'cpu2', 'expires_at', 'queued_at', 'attempt', 'fence', 'released', 'reserved' }

local function ref_of(agent, id)
  return id .. ':' .. agent
end

local function job_read(ref)
  local job = pairs_of(call('HGETALL', key('job', ref)))
  if not job.state then
    return nil
  end
  for _, name in ipairs(NUMBERS) do
    job[name] = tonumber(job[name] or 0)
  end
  job.ref = ref
  job.id, job.agent = ref:match('^([^:]*):(.*)$')
  return job
end

local function job_set(job, ...)
  local fields = { ... }
  for i = 1, #fields, 2 do
    job[fields[i]] = fields[i + 1]
  end
  call('HSET', key('job', job.ref), ...)
end

local function job_wait(job, state)
  job_set(job, 'state', state)
  call('ZADD', key('expiry'), job.expires_at, job.ref)
end

local function queue_of(job)
  return key('queue', place(ring_of(job), job.agent))
end

-- `push`: LPUSH to the head, RPUSH to the tail.
local function job_enqueue(job, push)
  job_wait(job, 'queued')
  if call(push, queue_of(job), job.id) == 1 then
    ring_join(ring_of(job), job.agent)
  end
  wake(ring_of(job))
end

local function job_defer(job, wait)
  job_wait(job, 'deferred')
  call('ZADD', key('deferred'), now + wait, job.ref)
end

-- Takes a job out of the state it is in.
local leave = {}

function leave.queued(job)
  local ring = ring_of(job)
  call('LREM', queue_of(job), 1, job.id)
  call('ZREM', key('expiry'), job.ref)
  if call('EXISTS', queue_of(job)) == 0 and not unpark(ring, job.agent) then
    ring_leave(ring, job.agent)
  end
end

function leave.deferred(job)
  call('ZREM', key('deferred'), job.ref)
  call('ZREM', key('expiry'), job.ref)
end

function leave.leased(job)
  local was_full = call('ZCARD', key('leases')) >= policy.global_concurrent
  call('ZREM', key('leases'), job.ref)
  call('HINCRBY', key('work', job.agent), 'running', -1)
  call('HINCRBY', key('work', job.agent), 'cpu' .. job.level, -job.reserved)
  unpark_agent(job.agent)
  if was_full then
    wake('')
  end
end

function leave.dead(job)
  call('ZREM', key('dead'), job.ref)
end

local function job_die(job, reason)
  leave[job.state](job)
  job_set(job, 'state', 'dead', 'reason', reason)
  call('DEL', key('record', job.ref))
  call('ZADD', key('dead'), now, job.ref)
end

local function job_end(job)
  leave[job.state](job)
  call('DEL', key('job', job.ref), key('record', job.ref))
  call('SREM', key('jobs', job.agent), job.id)
  if call('EXISTS', key('jobs', job.agent)) == 0 then
    call('DEL', key('work', job.agent))
  end
end

local function done_mark(ref, partition, offset)
  call('SET', key('done', ref), partition .. ' ' .. offset, 'NX', 'PX', policy.dedupe_ms)
end

-- A lease ended without a result.
local function job_return(job)
  local _, quarantined = agent_standing(job.agent)
  local reason = quarantined and 'quarantined' or job.cancel and 'cancelled' or job.attempt >= policy.attempts_max and 'attempts'
  if reason then
    return job_die(job, reason)
  end
  leave.leased(job)
  job_enqueue(job, 'LPUSH')
end

local function agent_bury(agent)
  for _, id in ipairs(call('SMEMBERS', key('jobs', agent))) do
    local job = job_read(ref_of(agent, id))
    if job and (job.state == 'queued' or job.state == 'deferred') then
      job_die(job, 'quarantined')
    end
  end
end

local function agent_write(record)
  local fields = { 'version', record.version, 'trust', record.trust, 'quarantined', record.quarantined and 1 or 0 }
  for partition, offset in pairs(record.last) do
    table.insert(fields, 'last:' .. partition)
    table.insert(fields, offset)
  end
  call('HSET', key('agent', record.agent), unpack(fields))
  if record.quarantined then
    agent_bury(record.agent)
  end
end

local function agent_change(record)
  record.version = math.max(record.version + 1, now_us)
  agent_write(record)
end
