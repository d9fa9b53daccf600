-- Windows and budgets

local function trim(list, span)
  local oldest = call('LINDEX', list, 0)
  while oldest and tonumber(oldest) <= now - span do
    call('LPOP', list)
    oldest = call('LINDEX', list, 0)
  end
  return call('LLEN', list)
end

local function window_key(level, agent)
  return key('window', level .. ':' .. agent)
end

-- When entry `index`, counted from 0, has left the window.
local function window_wait(list, index)
  return (tonumber(call('LINDEX', list, index) or now)) + HOUR - now
end

local function charge_window(list)
  call('RPUSH', list, now)
  call('PEXPIRE', list, HOUR)
end

local function executions(agent)
  local sum = 0
  for level = 0, 2 do
    sum = sum + trim(window_key(level, agent), HOUR)
  end
  return sum
end

local function cpu_entry(list, index)
  local time, total = (call('LINDEX', list, index) or '0 0'):match('^(%S+) (%S+)$')
  return tonumber(time), tonumber(total)
end

-- Used within the hour, and the total.
local function cpu_used(list)
  if call('EXISTS', list) == 0 then
    return 0, 0
  end
  local second = cpu_entry(list, 1)
  while second > 0 and second <= now - HOUR do
    call('LPOP', list)
    second = cpu_entry(list, 1)
  end
  local _, before = cpu_entry(list, 0)
  local _, total = cpu_entry(list, -1)
  return total - before, total
end

local function cpu_charge(level, agent, cpu)
  local list = key('cpu', level .. ':' .. agent)
  local _, total = cpu_used(list)
  if total == 0 then
    call('RPUSH', list, now .. ' 0')
  end
  call('RPUSH', list, string.format('%.0f %.0f', now, total + cpu))
  call('PEXPIRE', list, HOUR)
end

-- Totals grow along the list: the first entry whose leaving leaves at most `room` used.
local function cpu_wait(list, total, room)
  local low, high = 0, call('LLEN', list) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local _, at = cpu_entry(list, middle)
    if at >= total - room then
      high = middle
    else
      low = middle + 1
    end
  end
  return cpu_entry(list, low) + HOUR - now
end

-- nil when `cpu` more fits the agent's budget; else how long to wait and what is used and reserved. A job larger than the whole budget
-- fits an untouched one. What running jobs hold is free at the latest when they must have ended.
local function cpu_refusal(level, agent, cpu)
  local budget = policy['cpu_ms_' .. level]
  local list = key('cpu', level .. ':' .. agent)
  local used, total = cpu_used(list)
  local reserved = tonumber(call('HGET', key('work', agent), 'cpu' .. level) or 0)
  local room = budget - math.min(cpu, budget) - reserved
  if used <= room then
    return nil
  end
  return room < 0 and policy.run_max_ms or cpu_wait(list, total, room), used + reserved
end

-- The first limit in the way of one more execution, with the longest wait of all that are; nil: none.
local function limits_refusal(agent, level, cpu)
  local refusal
  local function refuse(reason, limit, value, observed, wait)
    refusal = refusal or { reason, limit, value, observed, 0 }
    refusal[5] = math.max(refusal[5], wait, 1)
  end
  local list, limit = window_key(level, agent), policy['executions_' .. level]
  local count = trim(list, HOUR)
  if count >= limit then
    refuse('rate_limited', 'executions_per_hour', limit, count, window_wait(list, count - limit))
  end
  local all, whole = key('window'), policy.global_executions
  local open = whole - math.floor(whole / 5)
  count = trim(all, HOUR)
  if count >= open then
    local mine = executions(agent) < whole / 20 and whole or open
    if count >= mine then
      refuse('rate_limited', 'global_executions_per_hour', mine, count, window_wait(all, count - mine))
    end
  end
  local wait, observed = cpu_refusal(level, agent, cpu)
  if wait then
    refuse('cpu_budget', 'cpu_ms_per_hour', policy['cpu_ms_' .. level], observed, wait)
  end
  return refusal
end

-- When to look at a deferred job again: CPU time held by running jobs may be free long before the time that is promised.
local function refusal_wait(refusal)
  return refusal[1] == 'cpu_budget' and math.min(refusal[5], PARK_MS) or refusal[5]
end
