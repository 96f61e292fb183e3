"""What Redis decides for the cluster, each in one script and so at one moment.

Times are Redis's own, in ms; epochs come from its clock too (in us), so that they grow even when it has lost its data.
"""

from typing import Final

from csms.redis_client import Script

_NOW: Final = """
local function now_us() local t = redis.call('TIME') return tonumber(t[1]) * 1000000 + tonumber(t[2]) end
local function now_ms() return math.floor(now_us() / 1000) end
local function text(number) return string.format('%.0f', number) end
"""

# KEYS alive, stream; ARGV incarnation, lease ms, stream's life ms. 0: somebody else lives under this name.
BEAT: Final = Script(
    """
local living = redis.call('GET', KEYS[1])
if living and living ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
)

# KEYS alive; ARGV incarnation.
LEAVE: Final = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")

# KEYS presence, epoch; ARGV node, connection, protocol, presence's life ms, epoch's life ms.
CLAIM: Final = Script(
    _NOW
    + """
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now_us())
local older = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[2], text(epoch), 'PX', ARGV[5])
redis.call('SET', KEYS[1], cjson.encode({ARGV[1], ARGV[2], ARGV[3], text(epoch)}), 'PX', ARGV[4])
return {text(epoch), older}
"""
)

# KEYS presence, epoch; ARGV node, connection, protocol, presence's life ms, epoch's life ms, epoch. 0: a newer one exists.
CONFIRM: Final = Script(
    """
local newest = tonumber(redis.call('GET', KEYS[2]) or '0')
if newest > tonumber(ARGV[6]) then return 0 end
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[5])
redis.call('SET', KEYS[1], cjson.encode({ARGV[1], ARGV[2], ARGV[3], ARGV[6]}), 'PX', ARGV[4])
return 1
"""
)

# KEYS presence; ARGV epoch.
RELEASE: Final = Script(
    """
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found)[4] == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""
)

# KEYS alive, stream, state; ARGV bound, timeout ms, command id, body, how long the state is kept beyond it in ms.
POST: Final = Script(
    _NOW
    + """
local living = redis.call('GET', KEYS[1])
if not living then return {'gone', ''} end
if redis.call('EXISTS', KEYS[3]) == 1 then return {'accepted', living} end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[1]) then return {'full', ''} end
redis.call('SET', KEYS[3], 'waiting', 'PX', tonumber(ARGV[2]) + tonumber(ARGV[5]))
redis.call('XADD', KEYS[2], '*', 'command', ARGV[3], 'body', ARGV[4], 'deadline', text(now_ms() + tonumber(ARGV[2])))
return {'accepted', living}
"""
)

# KEYS state; ARGV deadline ms.
BEGIN: Final = Script(
    _NOW
    + """
local state = redis.call('GET', KEYS[1])
if not state then return {'unknown', 0} end
if state ~= 'waiting' then return {state, 0} end
local remaining = tonumber(ARGV[1]) - now_ms()
if remaining <= 0 then
  redis.call('SET', KEYS[1], 'expired', 'KEEPTTL')
  return {'expired', 0}
end
redis.call('SET', KEYS[1], 'begun', 'KEEPTTL')
return {'begin', remaining}
"""
)

# KEYS state.
WITHDRAW: Final = Script(
    """
local state = redis.call('GET', KEYS[1])
if not state then return 'unknown' end
if state == 'waiting' then
  redis.call('SET', KEYS[1], 'withdrawn', 'KEEPTTL')
  return 'withdrawn'
end
return state
"""
)

# KEYS stream; ARGV body, stream's life ms.
TELL: Final = Script(
    "redis.call('XADD', KEYS[1], '*', 'body', ARGV[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1"
)

# KEYS key, waiters; ARGV content, command id, node, timeout ms, how long outcomes are kept in ms.
OPEN_KEY: Final = Script(
    _NOW
    + """
local known = redis.call('HMGET', KEYS[1], 'content', 'command', 'deadline', 'outcome')
if not known[1] then
  redis.call('HSET', KEYS[1], 'content', ARGV[1], 'command', ARGV[2], 'deadline', text(now_ms() + tonumber(ARGV[4])))
  redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[4]) + tonumber(ARGV[5]))
  return {'new', ARGV[2], ''}
end
if known[1] ~= ARGV[1] then return {'conflict', known[2], ''} end
if known[4] then return {'done', known[2], known[4]} end
if known[2] == ARGV[2] then return {'new', ARGV[2], ''} end
if tonumber(known[3]) <= now_ms() then return {'lost', known[2], ''} end
redis.call('SADD', KEYS[2], cjson.encode({ARGV[3], ARGV[2]}))
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[4]) + tonumber(ARGV[5]))
return {'running', known[2], ''}
"""
)

# KEYS key, waiters; ARGV command id, outcome or "".
CLOSE_KEY: Final = Script(
    """
if redis.call('HGET', KEYS[1], 'command') ~= ARGV[1] then return {} end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('HSET', KEYS[1], 'outcome', ARGV[2]) end
local waiters = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[2])
return waiters
"""
)
