-- Rings: whose turn it is. An agent gets its next turn after the later of the turn served last and its own last one, so that it has one share
-- however many rings it stands in, and no turn once given waits for ever. The sequence keeps equal turns in order of arrival.

local function ring_of(job)
  return job.level .. job.pool
end

local function place(ring, agent)
  return ring .. '\n' .. agent
end

local function wake(ring)
  call('PUBLISH', key('wake'), ring)
end

local function ring_enter(ring, agent, turn)
  call('ZADD', key('ring', ring), turn, agent)
  call('SADD', key('rings'), ring)
end

local function ring_join(ring, agent)
  local turn = tonumber(call('HGET', key('fair'), 'turn') or 0)
  local own = tonumber(call('HGET', key('work', agent), 'tag') or 0)
  local next_turn = math.max(turn, own) + 1
  local sequence = call('HINCRBY', key('fair'), 'sequence', 1)
  call('HSET', key('work', agent), 'tag', next_turn)
  ring_enter(ring, agent, next_turn + (sequence % SEQUENCE) / SEQUENCE)
end

local function ring_leave(ring, agent)
  call('ZREM', key('ring', ring), agent)
  if call('EXISTS', key('ring', ring)) == 0 then
    call('SREM', key('rings'), ring)
  end
end

-- A parked agent keeps its turn.
local function park(ring, agent, turn, wait)
  ring_leave(ring, agent)
  call('HSET', key('parked', agent), ring, turn)
  call('ZADD', key('parked'), now + wait, place(ring, agent))
end

-- The turn it had; nil: it is not parked there.
local function unpark(ring, agent)
  local turn = call('HGET', key('parked', agent), ring)
  if not turn then
    return nil
  end
  call('HDEL', key('parked', agent), ring)
  call('ZREM', key('parked'), place(ring, agent))
  return turn
end

local function ring_reenter(ring, agent)
  ring_enter(ring, agent, unpark(ring, agent))
  wake(ring)
end

local function unpark_agent(agent)
  for _, ring in ipairs(call('HKEYS', key('parked', agent))) do
    ring_reenter(ring, agent)
  end
end

local function unpark_due(limit)
  for _, member in ipairs(call('ZRANGEBYSCORE', key('parked'), '-inf', now, 'LIMIT', 0, limit)) do
    ring_reenter(member:match('^(.*)\n([^\n]*)$'))
  end
end
