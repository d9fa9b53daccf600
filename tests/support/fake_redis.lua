-- A small Redis in memory: the commands that gate.lua uses, with their types, their errors and their expiry, on a clock the test moves.
--
-- execute(now_ms, arguments) answers {fields…}, or nil and the error's text where a real server's error is to be borne; others are faults. It keeps to what a real server does where that has teeth: a library
-- sees nothing but redis while it is loaded, missing values are false, numbers go in as %.17g, empty collections are gone.

local WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
local NO_FUNCTION = 'ERR Function not found'

local db = {} -- key → {kind, value, expires}
local functions = {}
local now = 0
local published = {}

local function fail(text)
  error({ err = text }, 0)
end

local function number(text)
  return tonumber(text) or fail('ERR value is not an integer or out of range')
end

local function format(value)
  return type(value) == 'number' and string.format('%.17g', value) or tostring(value)
end

-- Keys

local function find(key, kind)
  local entry = db[key]
  if entry and entry.expires and entry.expires <= now then
    db[key], entry = nil, nil
  end
  if entry and kind and entry.kind ~= kind then
    fail(WRONG_TYPE)
  end
  return entry
end

local function make(key, kind)
  local entry = find(key, kind)
  if not entry then
    entry = { kind = kind, value = {}, size = 0 }
    db[key] = entry
  end
  return entry
end

-- Hashes, sets and sorted sets keep members in a map with its size; a sorted set its order until it changes.

local function put(entry, member, value)
  local new = entry.value[member] == nil
  entry.value[member] = value
  entry.size = entry.size + (new and 1 or 0)
  entry.order = nil
  return new and 1 or 0
end

local function take(key, kind, members)
  local entry, taken = find(key, kind), 0
  for _, member in ipairs(members) do
    if entry and entry.value[member] ~= nil then
      entry.value[member], entry.order = nil, nil
      entry.size, taken = entry.size - 1, taken + 1
    end
  end
  if entry and entry.size == 0 then
    db[key] = nil
  end
  return taken
end

local function rest(from, ...)
  return { select(from, ...) }
end

local function size(kind)
  return function(key)
    local entry = find(key, kind)
    return entry and entry.size or 0
  end
end

local commands = {}

function commands.PING()
  return 'PONG'
end

function commands.TIME()
  return { format(math.floor(now / 1000)), format(now % 1000 * 1000) }
end

function commands.EXISTS(...)
  local count = 0
  for _, key in ipairs({ ... }) do
    count = count + (find(key) and 1 or 0)
  end
  return count
end

function commands.DEL(...)
  local count = 0
  for _, key in ipairs({ ... }) do
    count = count + (find(key) and 1 or 0)
    db[key] = nil
  end
  return count
end

function commands.PEXPIRE(key, ms)
  local entry = find(key)
  if entry then
    entry.expires = now + number(ms)
  end
  return entry and 1 or 0
end

function commands.PTTL(key)
  local entry = find(key)
  return entry and (entry.expires and entry.expires - now or -1) or -2
end

function commands.FLUSHALL()
  db = {}
  return { ok = 'OK' }
end

function commands.PUBLISH(channel, message)
  table.insert(published, channel)
  table.insert(published, message)
  return 0
end

-- Strings

function commands.GET(key)
  local entry = find(key, 'string')
  return entry and entry.value or false
end

function commands.MGET(...)
  local values = {}
  for i, key in ipairs({ ... }) do
    local entry = find(key)
    values[i] = entry and entry.kind == 'string' and entry.value or false
  end
  return values
end

function commands.SET(key, value, ...)
  local options, expires = { ... }, nil
  for i, option in ipairs(options) do
    if option == 'NX' and find(key) then
      return false
    elseif option == 'PX' then
      expires = now + number(options[i + 1])
    end
  end
  db[key] = { kind = 'string', value = value, expires = expires }
  return { ok = 'OK' }
end

-- Hashes

function commands.HSET(key, ...)
  local entry, fields, new = make(key, 'hash'), { ... }, 0
  if #fields == 0 or #fields % 2 ~= 0 then
    fail("ERR wrong number of arguments for 'hset' command")
  end
  for i = 1, #fields, 2 do
    new = new + put(entry, fields[i], fields[i + 1])
  end
  return new
end

function commands.HGET(key, field)
  local entry = find(key, 'hash')
  return entry and entry.value[field] or false
end

function commands.HMGET(key, ...)
  local entry, values = find(key, 'hash'), {}
  for i, field in ipairs({ ... }) do
    values[i] = entry and entry.value[field] or false
  end
  return values
end

function commands.HGETALL(key)
  local entry, flat = find(key, 'hash'), {}
  for field, value in pairs(entry and entry.value or {}) do
    table.insert(flat, field)
    table.insert(flat, value)
  end
  return flat
end

function commands.HKEYS(key)
  local entry, fields = find(key, 'hash'), {}
  for field in pairs(entry and entry.value or {}) do
    table.insert(fields, field)
  end
  table.sort(fields)
  return fields
end

function commands.HINCRBY(key, field, step)
  local entry = make(key, 'hash')
  local value = number(entry.value[field] or 0) + number(step)
  put(entry, field, format(value))
  return value
end

function commands.HDEL(key, ...)
  return take(key, 'hash', { ... })
end

-- Sets

function commands.SADD(key, ...)
  local entry, new = make(key, 'set'), 0
  for _, member in ipairs({ ... }) do
    new = new + put(entry, member, true)
  end
  return new
end

function commands.SREM(key, ...)
  return take(key, 'set', { ... })
end

commands.SCARD = size('set')

function commands.SMEMBERS(key)
  local entry, members = find(key, 'set'), {}
  for member in pairs(entry and entry.value or {}) do
    table.insert(members, member)
  end
  table.sort(members)
  return members
end

function commands.SMISMEMBER(key, ...)
  local entry, present = find(key, 'set'), {}
  for i, member in ipairs({ ... }) do
    present[i] = entry and entry.value[member] and 1 or 0
  end
  return present
end

-- Lists

local function push(key, values, at)
  local entry = make(key, 'list')
  for _, value in ipairs(values) do
    table.insert(entry.value, at or #entry.value + 1, value)
  end
  return #entry.value
end

function commands.RPUSH(key, ...)
  return push(key, { ... })
end

function commands.LPUSH(key, ...)
  return push(key, { ... }, 1)
end

local function list_take(key, index)
  local entry = find(key, 'list')
  local value = entry and table.remove(entry.value, index)
  if entry and #entry.value == 0 then
    db[key] = nil
  end
  return value or false
end

function commands.LPOP(key)
  return list_take(key, 1)
end

function commands.LLEN(key)
  local entry = find(key, 'list')
  return entry and #entry.value or 0
end

function commands.LINDEX(key, index)
  local entry = find(key, 'list')
  index = number(index)
  return entry and entry.value[index < 0 and #entry.value + index + 1 or index + 1] or false
end

function commands.LREM(key, count, value)
  local entry, removed = find(key, 'list'), 0
  if number(count) <= 0 then
    fail('ERR this fake removes from the head only')
  end
  local i = 1
  while entry and i <= #entry.value and removed < number(count) do
    if entry.value[i] == value then
      table.remove(entry.value, i)
      removed = removed + 1
    else
      i = i + 1
    end
  end
  if entry and #entry.value == 0 then
    db[key] = nil
  end
  return removed
end

function commands.LTRIM(key, first, last)
  local entry = find(key, 'list')
  if not entry then
    return { ok = 'OK' }
  end
  local length, kept = #entry.value, {}
  local function place(index)
    return index < 0 and math.max(length + index, 0) + 1 or index + 1
  end
  for i = place(number(first)), math.min(place(number(last)), length) do
    table.insert(kept, entry.value[i])
  end
  entry.value = kept
  if #kept == 0 then
    db[key] = nil
  end
  return { ok = 'OK' }
end

-- Sorted sets

local function ordered(entry)
  if entry.order then
    return entry.order
  end
  local order = {}
  for member in pairs(entry.value) do
    table.insert(order, member)
  end
  table.sort(order, function(a, b)
    local left, right = entry.value[a], entry.value[b]
    return left < right or left == right and a < b
  end)
  entry.order = order
  return order
end

function commands.ZADD(key, ...)
  local entry, pairs_, new = make(key, 'zset'), { ... }, 0
  for i = 1, #pairs_, 2 do
    new = new + put(entry, pairs_[i + 1], number(pairs_[i]))
  end
  return new
end

function commands.ZREM(key, ...)
  return take(key, 'zset', { ... })
end

commands.ZCARD = size('zset')

function commands.ZSCORE(key, member)
  local entry = find(key, 'zset')
  return entry and entry.value[member] and format(entry.value[member]) or false
end

function commands.ZRANGE(key, first, last, scores)
  local entry, range = find(key, 'zset'), {}
  local order = entry and ordered(entry) or {}
  last = number(last)
  for i = number(first) + 1, last < 0 and #order + last + 1 or math.min(last + 1, #order) do
    table.insert(range, order[i])
    if scores then
      table.insert(range, format(entry.value[order[i]]))
    end
  end
  return range
end

function commands.ZRANGEBYSCORE(key, low, high, _, offset, count)
  local entry, range = find(key, 'zset'), {}
  if low ~= '-inf' then
    fail('ERR this fake reads from -inf only')
  end
  for i, member in ipairs(entry and ordered(entry) or {}) do
    if entry.value[member] > number(high) or #range >= number(count) then
      break
    end
    if i > number(offset) then
      table.insert(range, member)
    end
  end
  return range
end

-- Functions

local function call(name, ...)
  local arguments = { ... }
  for i, value in ipairs(arguments) do
    if type(value) ~= 'string' and type(value) ~= 'number' then
      fail('ERR Lua redis lib command arguments must be strings or integers')
    end
    arguments[i] = format(value)
  end
  if #arguments ~= select('#', ...) then
    fail('ERR Lua redis lib command arguments must be strings or integers')
  end
  local command = commands[name] or fail('ERR unknown command ' .. name)
  return command(unpack(arguments))
end

local GLOBALS = { 'string', 'table', 'math', 'tonumber', 'tostring', 'type', 'pairs', 'ipairs', 'unpack', 'select', 'next', 'error', 'pcall',
  'assert', 'rawget', 'rawset' }

function load_library(text)
  local loading = {
    register_function = function(named)
      functions[named.function_name] = named.callback
    end,
  }
  local environment = setmetatable({ redis = loading }, {
    __index = function(_, name)
      error("Script attempted to access nonexistent global variable '" .. name .. "'", 2)
    end,
    __newindex = function(_, name)
      error('Attempt to modify a readonly table: ' .. name, 2)
    end,
  })
  local chunk = assert(loadstring((text:gsub('^#![^\n]*', '')), '@gate.lua'))
  setfenv(chunk, environment)()
  for _, name in ipairs(GLOBALS) do
    rawset(environment, name, _G[name])
  end
  loading.call = call
  loading.register_function = nil
end

function commands.FCALL(name, count, ...)
  local body = functions[name] or fail(NO_FUNCTION)
  local arguments, keys = { ... }, {}
  for i = 1, number(count) do
    keys[i] = table.remove(arguments, 1)
  end
  return body(keys, arguments)
end

-- What the test uses

local function fields_of(reply)
  if type(reply) ~= 'table' then
    return { reply and format(reply) or '' }
  elseif reply.ok then
    return { reply.ok }
  end
  local fields = {}
  for i, value in ipairs(reply) do
    fields[i] = value and format(value) or ''
  end
  return fields
end

function execute(now_ms, arguments)
  now, published = now_ms, {}
  local done, reply = pcall(function()
    return call(unpack(arguments))
  end)
  if done then
    return fields_of(reply)
  end
  local text = type(reply) == 'table' and reply.err or tostring(reply)
  return nil, text == NO_FUNCTION and text or error(text, 0)
end

function take_published()
  return published
end

local function copy(value)
  if type(value) ~= 'table' then
    return value
  end
  local twin = {}
  for name, item in pairs(value) do
    twin[name] = copy(item)
  end
  return twin
end

local saved = {}

function save()
  saved = copy(db)
end

function revert()
  db = copy(saved)
end


-- Every key that lives as this clock shows, for messages.
function key_names(now_ms)
  local names = {}
  now = now_ms
  for key in pairs(db) do
    if find(key) then
      table.insert(names, key)
    end
  end
  table.sort(names)
  return names
end
