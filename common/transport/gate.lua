#!lua name=brig
-- The gate: what dispatchers, workers and operators may do to the shared queues, leases, windows, budgets and trust.
--
-- FCALL brig_NAME 1 {TAG} RUN_ID POLICY ARGUMENT…  →  {VERDICT, EPOCH, …}, all strings; {NOT_READY} while the memory waits to be restored.
-- A job is known by its ref, "JOB_ID:AGENT_ID". A ring is a level and a pool, "1python"; it orders the agents that have such jobs queued.
--
--   epoch            hash    run_id, epoch, opens_at (claims are closed until then)
--   lock             string  who restores
--   agent:AGENT      hash    version, trust, quarantined, last:P = offset of the last settled result on partition P
--   violations:AGENT list    times of violations
--   window[:L:AGENT] list    times of the executions charged within the hour: everybody's, and per level and agent
--   cpu:L:AGENT      list    "time total": the total of CPU time charged so far; the first entry is what was before the hour
--   job:REF          hash    a job that has not ended; record:REF its bytes
--   jobs:AGENT       set     ids of the agent's jobs that have not ended
--   work:AGENT       hash    tag (its last turn), running, cpuL (reserved); lives as long as jobs:AGENT
--   queue:RING\nAGENT list   ids of queued jobs, the next one first
--   ring:RING        zset    agents with work by their turn; rings: set of the rings that are not empty
--   parked           zset    "RING\nAGENT" by when to look again: agents whose next job must wait; parked:AGENT: hash ring → turn
--   fair             hash    turn (the last one served), sequence
--   leases, deferred, expiry, dead  zset  refs by time: lease end; try again; expires_at of queued and deferred; tell again
--   done:REF         string  "partition offset" of the result;  cancel:REF: a cancellation that came before its job

local HOUR = 3600000
local STEPS_MAX = 64 -- agents looked at in one claim
local UNPARK_MAX = 16
local RELEASES_MAX = 20 -- that are not counted as attempts
local POLL_MS = 1000
local PARK_MS = 60000
local TELL_AGAIN_MS = 5000
local LOCK_MS = 30000
local VIOLATIONS_KEPT = 100
local SEQUENCE = 1048576 -- turns of one round that are kept in order

-- Of the call being served. (While a library is loaded Redis gives it nothing but redis.register_function.)
local call, tag, policy, policy_text, now_us, now, epoch

local functions = {}

local function key(kind, name)
  return name and tag .. ':' .. kind .. ':' .. name or tag .. ':' .. kind
end

local function read_policy(text)
  if text == policy_text then
    return
  end
  policy = {}
  for name, value in text:gmatch('([%w_]+)=(%d+)') do
    policy[name] = tonumber(value)
  end
  policy_text = text
end

local function read_time()
  local time = call('TIME')
  now_us = time[1] * 1000000 + time[2]
  now = math.floor(now_us / 1000)
end

local function pairs_of(flat)
  local fields = {}
  for i = 1, #flat, 2 do
    fields[flat[i]] = flat[i + 1]
  end
  return fields
end
