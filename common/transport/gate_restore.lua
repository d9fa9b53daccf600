-- Agents as operators and restorers see them

function functions.agent_get(args)
  return agent_answer(agent_read(args[3]))
end

-- `trust`, `quarantined`: empty leaves it. Lifting a quarantine forgets the violations, else the next one would bring it back.
function functions.agent_set(args)
  local agent, trust, quarantined = unpack(args, 3)
  local record = agent_read(agent)
  record.trust = tonumber(trust) or record.trust
  if quarantined == '0' then
    call('DEL', key('violations', agent))
  end
  if quarantined ~= '' then
    record.quarantined = quarantined == '1'
  end
  agent_change(record)
  return agent_answer(record)
end

local function lock_held(owner)
  return call('GET', key('lock')) == owner and call('PEXPIRE', key('lock'), LOCK_MS) == 1
end

function functions.lock(args, ready)
  local owner = args[3]
  if ready then
    return { 'READY' }
  end
  local taken = lock_held(owner) or call('SET', key('lock'), owner, 'NX', 'PX', LOCK_MS)
  return { taken and 'TAKEN' or 'HELD' }
end

-- One agent out of args from `at` on; and where the next begins.
local function restore_read(args, at)
  local agent, version, trust, violations, quarantined, count = unpack(args, at, at + 5)
  local record = { agent = agent, version = tonumber(version), trust = tonumber(trust), quarantined = quarantined == '1', last = {} }
  at = at + 6
  for _ = 1, tonumber(count) do
    record.last[args[at]] = tonumber(args[at + 1])
    at = at + 2
  end
  return record, tonumber(violations), at
end

function functions.restore(args)
  if not lock_held(args[3]) then
    return { 'NOT_READY' }
  end
  local at = 4
  while at <= #args do
    local record, violations
    record, violations, at = restore_read(args, at)
    if record.version > agent_read(record.agent).version then
      call('DEL', key('agent', record.agent), key('violations', record.agent))
      violations_add(record.agent, violations)
      agent_write(record)
    end
  end
  return { 'OK' }
end

function functions.ready(args)
  if not lock_held(args[3]) then
    return { 'NOT_READY' }
  end
  epoch = math.max(tonumber(epoch) + 1, now_us)
  call('HSET', key('epoch'), 'run_id', args[1], 'epoch', epoch, 'opens_at', now + policy.lease_ms)
  call('DEL', key('lock'))
  return { 'OK' }
end
