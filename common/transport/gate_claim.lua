-- Claims and leases

-- The rings that are offered and not empty.
local function rings_offered(args)
  local names = {}
  for level in args[4]:gmatch('%d') do
    for i = 5, #args do
      table.insert(names, level .. args[i])
    end
  end
  local present, rings = #names > 0 and call('SMISMEMBER', key('rings'), unpack(names)) or {}, {}
  for i, name in ipairs(names) do
    if present[i] == 1 then
      table.insert(rings, name)
    end
  end
  return rings
end

-- The agent whose turn it is in any of these rings: ring, agent, turn.
local function rings_first(rings)
  local first_ring, first_agent, first_turn
  for _, ring in ipairs(rings) do
    local head = call('ZRANGE', key('ring', ring), 0, 0, 'WITHSCORES')
    local turn = tonumber(head[2])
    if turn and (not first_turn or turn < first_turn) then
      first_ring, first_agent, first_turn = ring, head[1], turn
    end
  end
  return first_ring, first_agent, first_turn
end

-- How long the agent must wait for its next job's place or CPU time; nil: not at all.
local function claim_wait(job)
  local running = tonumber(call('HGET', key('work', job.agent), 'running') or 0)
  if policy.agent_concurrent > 0 and running >= policy.agent_concurrent then
    return PARK_MS
  end
  local wait = cpu_refusal(job.level, job.agent, job['cpu' .. job.level])
  return wait and math.min(wait, PARK_MS)
end

local function job_rise(job, level)
  leave.queued(job)
  job_set(job, 'level', level)
  job_enqueue(job, 'LPUSH')
end

local function job_lease(job, turn, worker)
  local ring = ring_of(job)
  leave.queued(job)
  call('HSET', key('fair'), 'turn', math.max(math.floor(turn), tonumber(call('HGET', key('fair'), 'turn') or 0)))
  if call('EXISTS', queue_of(job)) == 1 then
    ring_join(ring, job.agent)
  end
  local reserved = math.min(job['cpu' .. job.level], policy['cpu_ms_' .. job.level])
  job_set(job, 'state', 'leased', 'attempt', job.attempt + 1, 'fence', math.max(job.fence + 1, now_us), 'reserved', reserved, 'worker', worker)
  call('HINCRBY', key('work', job.agent), 'running', 1)
  call('HINCRBY', key('work', job.agent), 'cpu' .. job.level, reserved)
  call('ZADD', key('leases'), now + policy.lease_ms, job.ref)
end

-- Leases the next job of the agent whose turn it is, or moves what stands in the way and returns nil.
local function claim_from(ring, agent, turn, worker)
  local job = job_read(ref_of(agent, call('LINDEX', key('queue', place(ring, agent)), 0)))
  local trust = agent_standing(agent)
  if trust > job.level then
    return job_rise(job, trust)
  end
  local wait = claim_wait(job)
  if wait then
    return park(ring, agent, turn, wait)
  end
  job_lease(job, turn, worker)
  return { 'JOB', agent, job.id, job.partition, job.offset, job.level, job.fence, job.attempt, now - job.queued_at,
    call('GET', key('record', job.ref)) or '' }
end

function functions.claim(args)
  local opens_at = tonumber(call('HGET', key('epoch'), 'opens_at'))
  if now < opens_at then
    return { 'NONE', opens_at - now }
  end
  if call('ZCARD', key('leases')) >= policy.global_concurrent then
    return { 'NONE', POLL_MS }
  end
  unpark_due(UNPARK_MAX)
  for _ = 1, STEPS_MAX do
    local ring, agent, turn = rings_first(rings_offered(args))
    if not ring then
      return { 'NONE', POLL_MS }
    end
    local answer = claim_from(ring, agent, turn, args[3])
    if answer then
      return answer
    end
  end
  return { 'NONE', 1 }
end

-- The job when its lease is this fence's.
local function leased(agent, id, fence)
  local job = job_read(ref_of(agent, id))
  return job and job.state == 'leased' and job.fence == tonumber(fence) and job
end

function functions.renew(args)
  local agent, id, fence = unpack(args, 3)
  local job = leased(agent, id, fence)
  if not job then
    return { 'LOST' }
  end
  call('ZADD', key('leases'), now + policy.lease_ms, job.ref)
  return { job.cancel and 'CANCEL' or 'OK' }
end

function functions.complete(args)
  local agent, id, fence, partition, offset = unpack(args, 3)
  local job = leased(agent, id, fence)
  if not job then
    return { 'LOST' }
  end
  job_end(job)
  done_mark(job.ref, partition, offset)
  return { 'OK' }
end

function functions.release(args)
  local agent, id, fence, started = unpack(args, 3)
  local job = leased(agent, id, fence)
  if not job then
    return { 'LOST' }
  end
  if started == '0' and job.released < RELEASES_MAX then
    job_set(job, 'attempt', job.attempt - 1, 'released', job.released + 1)
  end
  job_return(job)
  return { 'OK' }
end
