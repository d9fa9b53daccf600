-- Admission

local function job_new(ref, agent, id, partition, offset, level, pool, cpus, expires_at, record)
  local job = { ref = ref, agent = agent, id = id }
  job_set(job, 'partition', partition, 'offset', offset, 'level', level, 'pool', pool, 'cpu0', cpus[0], 'cpu1', cpus[1],
    'cpu2', cpus[2], 'expires_at', expires_at, 'queued_at', now)
  if record ~= '' then
    call('SET', key('record', ref), record)
  end
  call('SADD', key('jobs', agent), id)
  return job
end

local function job_charge_enqueue(job)
  charge_window(window_key(job.level, job.agent))
  charge_window(key('window'))
  job_enqueue(job, 'RPUSH')
end

-- What is known of the job already, as an answer; nil: nothing.
local function admit_known(ref)
  if call('EXISTS', key('job', ref)) == 1 then
    return { 'KNOWN' }
  end
  local marks = call('MGET', key('done', ref), key('cancel', ref))
  if marks[1] then
    return { 'DONE', marks[1]:match('^(%S+) (%S+)$') }
  end
  return marks[2] and { 'CANCELLED' } or nil
end

local function rejected(reason, limit, value, observed, wait)
  return { 'REJECTED', reason, limit or '', value or '', observed or '', wait or 0 }
end

function functions.admit(args)
  local agent, id, partition, offset, risk, pool, cpu0, cpu1, cpu2, expires_at, defer, record = unpack(args, 3)
  local ref = ref_of(agent, id)
  local known = admit_known(ref)
  if known then
    return known
  end
  local trust, quarantined = agent_standing(agent)
  if quarantined then
    return rejected('quarantined')
  end
  expires_at = tonumber(expires_at)
  if expires_at == 0 then
    expires_at = now + policy.expires_ms
  elseif expires_at <= now then
    return rejected('expired')
  end
  local unfinished = call('SCARD', key('jobs', agent))
  if unfinished >= policy.unfinished_max then
    return rejected('rate_limited', 'queued', policy.unfinished_max, unfinished)
  end
  local level = math.max(tonumber(risk), trust)
  local cpus = { [0] = tonumber(cpu0), tonumber(cpu1), tonumber(cpu2) }
  local refusal = limits_refusal(agent, level, cpus[level])
  if refusal and defer == '0' then
    return rejected(unpack(refusal))
  end
  local job = job_new(ref, agent, id, partition, offset, level, pool, cpus, expires_at, record)
  if refusal then
    job_defer(job, refusal_wait(refusal))
    return { 'DEFERRED', level }
  end
  job_charge_enqueue(job)
  return { 'QUEUED', level }
end
