-- The library

-- Served without an epoch, since they make it.
local restoring = { [functions.lock] = true, [functions.restore] = true, [functions.ready] = true }

local function text(value)
  return type(value) == 'number' and string.format('%.0f', value) or value
end

-- Whether the caller means this server, and this epoch where it names one: "RUNID" or "RUNID@EPOCH". Leaves the run id alone in args.
local function meant(args, made)
  local run_id, wanted = string.match(args[1], '^([^@]*)@?(.*)$')
  args[1] = run_id
  return made[2] == run_id and (wanted == '' or wanted == made[1])
end

local function serve(body, keys, args)
  call, tag = redis.call, keys[1]
  read_policy(args[2])
  read_time()
  local made = call('HMGET', key('epoch'), 'epoch', 'run_id')
  local ready = meant(args, made)
  epoch = made[1] or '0'
  if not ready and not restoring[body] then
    return { 'NOT_READY' }
  end
  local answer = body(args, ready)
  table.insert(answer, 2, epoch)
  for i, value in ipairs(answer) do
    answer[i] = text(value)
  end
  return answer
end

local function register(name, body, flags)
  redis.register_function({
    function_name = name,
    callback = function(keys, args)
      return serve(body, keys, args)
    end,
    flags = flags,
  })
end

-- What frees memory must work when there is none left.
register('brig_admit', functions.admit, {})
register('brig_claim', functions.claim, {})
register('brig_renew', functions.renew, { 'allow-oom' })
register('brig_complete', functions.complete, { 'allow-oom' })
register('brig_release', functions.release, { 'allow-oom' })
register('brig_settle', functions.settle, { 'allow-oom' })
register('brig_reap', functions.reap, { 'allow-oom' })
register('brig_cancel', functions.cancel, { 'allow-oom' })
register('brig_agent_get', functions.agent_get, {})
register('brig_agent_set', functions.agent_set, { 'allow-oom' })
register('brig_lock', functions.lock, {})
register('brig_restore', functions.restore, {})
register('brig_ready', functions.ready, {})
