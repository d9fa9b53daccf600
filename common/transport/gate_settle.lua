-- Ends: settlement, the reaper, cancellation

local function trust_change(status)
  if status == 'succeeded' then
    return policy.trust_succeeded
  end
  return (status == 'failed' or status == 'killed') and -policy.trust_failed or 0
end

local function agent_settle(record, status, violations)
  record.trust = math.max(0, math.min(1000, record.trust + trust_change(status)))
  local newly = violations_add(record.agent, violations) >= policy.quarantine_violations and not record.quarantined
  record.quarantined = record.quarantined or newly
  agent_change(record)
  return newly
end

function functions.settle(args)
  local agent, id, partition, offset, first, status, level, cpu, violations = unpack(args, 3)
  local job = job_read(ref_of(agent, id))
  if job then
    job_end(job)
  end
  done_mark(ref_of(agent, id), partition, offset)
  local record = agent_read(agent)
  local before = record.trust
  if first == '0' or tonumber(offset) <= (record.last[partition] or -1) then
    return agent_answer(record, 0, 0, before)
  end
  record.last[partition] = tonumber(offset)
  if level ~= '' and tonumber(cpu) > 0 then
    cpu_charge(level, agent, tonumber(cpu))
  end
  local newly = agent_settle(record, status, tonumber(violations))
  return agent_answer(record, 1, newly and 1 or 0, before)
end

local function due(set, limit)
  local jobs = {}
  for _, ref in ipairs(call('ZRANGEBYSCORE', key(set), '-inf', now, 'LIMIT', 0, limit)) do
    table.insert(jobs, job_read(ref))
  end
  return jobs
end

local function deferred_retry(job)
  local level = math.max(job.level, (agent_standing(job.agent)))
  local refusal = limits_refusal(job.agent, level, job['cpu' .. level])
  if refusal then
    return call('ZADD', key('deferred'), now + refusal_wait(refusal), job.ref)
  end
  leave.deferred(job)
  job_set(job, 'level', level, 'queued_at', now)
  job_charge_enqueue(job)
end

local function dead_tell(answer, job)
  call('ZADD', key('dead'), now + TELL_AGAIN_MS, job.ref)
  for _, value in ipairs({ job.agent, job.id, job.partition, job.offset, job.reason, job.attempt, job.pool }) do
    table.insert(answer, value)
  end
end

function functions.reap(args)
  local limit = args[3]
  for _, job in ipairs(due('leases', limit)) do
    job_return(job)
  end
  for _, job in ipairs(due('expiry', limit)) do
    job_die(job, 'expired')
  end
  for _, job in ipairs(due('deferred', limit)) do
    deferred_retry(job)
  end
  unpark_due(limit)
  local deferred = call('ZCARD', key('deferred'))
  local answer = { 'OK', call('ZCARD', key('expiry')) - deferred, deferred, call('ZCARD', key('leases')) }
  for _, job in ipairs(due('dead', limit)) do
    dead_tell(answer, job)
  end
  return answer
end

function functions.cancel(args)
  local agent, id = unpack(args, 3)
  local ref = ref_of(agent, id)
  local job = job_read(ref)
  if not job then
    if call('EXISTS', key('done', ref)) == 1 then
      return { 'DONE' }
    end
    call('SET', key('cancel', ref), 1, 'PX', policy.expires_ms)
    return { 'NOTED' }
  end
  if job.state == 'dead' then
    return { job.reason == 'cancelled' and 'CANCELLED' or 'DONE' }
  end
  if job.state == 'leased' then
    job_set(job, 'cancel', 1)
    call('PUBLISH', key('cancel'), id)
    return { 'CANCELLING' }
  end
  job_die(job, 'cancelled')
  return { 'CANCELLED' }
end
