-- Agents

local function trust_level(trust)
  return trust >= policy.low_at and 0 or trust >= policy.medium_at and 1 or 2
end

local function agent_standing(agent)
  local values = call('HMGET', key('agent', agent), 'trust', 'quarantined')
  return trust_level(tonumber(values[1] or policy.trust_initial)), values[2] == '1'
end

local function agent_read(agent)
  local fields = pairs_of(call('HGETALL', key('agent', agent)))
  local record = { agent = agent, last = {} }
  record.version = tonumber(fields.version or 0)
  record.trust = tonumber(fields.trust or policy.trust_initial)
  record.quarantined = fields.quarantined == '1'
  for name, value in pairs(fields) do
    local partition = name:match('^last:(.*)$')
    if partition then
      record.last[partition] = tonumber(value)
    end
  end
  return record
end

local function agent_answer(record, ...)
  local answer = { 'OK', ... }
  local violations = trim(key('violations', record.agent), policy.quarantine_window_ms)
  for _, value in ipairs({ record.version, record.trust, violations, record.quarantined and 1 or 0 }) do
    table.insert(answer, value)
  end
  for partition, offset in pairs(record.last) do
    table.insert(answer, partition)
    table.insert(answer, offset)
  end
  return answer
end

local function violations_add(agent, count)
  local list = key('violations', agent)
  for _ = 1, math.min(count, VIOLATIONS_KEPT) do
    call('RPUSH', list, now)
  end
  call('LTRIM', list, -VIOLATIONS_KEPT, -1)
  call('PEXPIRE', list, policy.quarantine_window_ms)
  return trim(list, policy.quarantine_window_ms)
end
