/**
 * The script that counts inside Redis or Valkey. One call decides many questions at one moment of the
 * server's clock, in whole microseconds; each question over all its policies, all or nothing.
 *
 * `KEYS` are the accounts, question by question and policy by policy. Every `ARGV` tells of some
 * questions in a row that are alike: what to do (`check`, `peek`, `refund` or `reset`), how many
 * questions, the cost, whether denied ones count, and of each policy the algorithm, the most at once
 * and the microseconds of one token or of the window.
 *
 * An account is text: the moment at which it says nothing any more, and of windows what was counted
 * in the present one and the one before. The arithmetic is that of `../algorithms`, where it is
 * explained. The reply holds for every account the microseconds until that moment, or where the
 * question is denied -1 minus these, and of windows the counts.
 */
import { createHash } from 'node:crypto'

/** The most keys in one call: all of them are on Lua's stack at once. */
export const MOST_KEYS = 1000

export const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local values = redis.call('MGET', unpack(KEYS))
local most = 9007199254740991
-- What this call has written, which it must not read again: false for what it deleted.
local latest, replies, position = {}, {}, 0

local function keep(key, value, span)
  redis.call('SET', key, value, 'PX', math.min(math.ceil(span / 1000), most))
  latest[key] = value
end

-- What is asked most: one bucket each. The same as below, without a table or a function for each.
local function checkBuckets(count, cost, capacity, span)
  local horizon, price = capacity * span, cost * span
  for _ = 1, count do
    position = position + 1
    local key = KEYS[position]
    local value = latest[key]
    if value == nil then value = values[position] end
    local stored = value and tonumber(value) or now
    local till = stored
    if till < now then till = now elseif till > now + horizon then till = now + horizon end
    local allowed = till - now + price - horizon <= 0
    if allowed then till = till + price end
    if (allowed and till > now) or stored > till then
      keep(key, string.format('%.0f', till), till - now)
    end
    local left = math.min(till - now, most)
    replies[#replies + 1] = allowed and left or -1 - left
  end
end

-- Makes the function that decides anything else.
local function decider()
  local bucket, fixed, sliding = {}, {}, {}
  local algorithms = { t = bucket, f = fixed, s = sliding }

  function bucket.settle(account, policy)
    account.till = math.max(now, math.min(account.till, now + policy.capacity * policy.span))
  end
  function bucket.fits(account, policy, cost)
    return account.till - now + cost * policy.span - policy.capacity * policy.span <= 0
  end
  function bucket.take(account, policy, cost)
    account.till = account.till + cost * policy.span
  end
  function bucket.penalize(account, policy, cost)
    account.till = math.min(account.till + cost * policy.span, now + policy.capacity * policy.span)
  end
  function bucket.refund(account, policy, cost)
    account.till = math.max(now, account.till - cost * policy.span)
  end

  function fixed.settle(account, policy)
    if account.till <= now or account.used == 0 then
      account.till, account.used = now, 0
    elseif account.till > now + policy.span then
      account.till = now + policy.span
    end
  end
  function fixed.fits(account, policy, cost)
    return account.used + cost <= policy.capacity
  end
  function fixed.take(account, policy, cost)
    if account.used == 0 and cost > 0 then account.till = now + policy.span end
    account.used = account.used + cost
  end
  function fixed.penalize(account, policy, cost)
    fixed.take(account, policy, math.min(cost, math.max(0, policy.capacity - account.used)))
  end
  function fixed.refund(account, policy, cost)
    account.used = math.max(0, account.used - cost)
    if account.used == 0 then account.till = now end
  end

  function sliding.settle(account, policy)
    local span = policy.span
    if account.till > now + 2 * span then account.till = now + 2 * span end
    if account.till > now and account.till <= now + span then
      account.previous, account.used, account.till = account.used, 0, account.till + span
    end
    if account.till <= now or (account.used == 0 and account.previous == 0) then
      account.till, account.used, account.previous = now, 0, 0
    end
  end
  function sliding.fits(account, policy, cost)
    local room = policy.capacity - account.used - cost
    if room < 0 then return false end
    return account.previous * (account.till - policy.span - now) <= room * policy.span
  end
  function sliding.take(account, policy, cost)
    if account.till == now and cost > 0 then account.till = now + 2 * policy.span end
    account.used = account.used + cost
  end
  function sliding.penalize(account, policy, cost)
    sliding.take(account, policy, math.min(cost, math.max(0, policy.capacity - account.used)))
  end
  function sliding.refund(account, policy, cost)
    account.previous = math.max(0, account.previous - math.max(0, cost - account.used))
    account.used = math.max(0, account.used - cost)
    sliding.settle(account, policy)
  end

  local function read(policy)
    position = position + 1
    local key = KEYS[position]
    local value = latest[key]
    if value == nil then value = values[position] end
    local account = { key = key, till = now, used = 0, previous = 0, isKept = value }
    if value then
      local till, used, previous = string.match(value, '^(%d+) ?(%d*) ?(%d*)$')
      account.till = tonumber(till) or now
      account.used = tonumber(used) or 0
      account.previous = tonumber(previous) or 0
    end
    account.stored = account.till
    policy.settle(account, policy)
    return account
  end

  local function write(account, policy)
    if account.till <= now then
      if account.isKept then redis.call('DEL', account.key) end
      latest[account.key] = false
      return
    end
    local value = string.format('%.0f', account.till)
    if policy.settle ~= bucket.settle then
      value = string.format('%s %.0f %.0f', value, account.used, account.previous)
    end
    keep(account.key, value, account.till - now)
  end

  local function answer(account, policy, allowed)
    local left = math.min(account.till - now, most)
    replies[#replies + 1] = allowed and left or -1 - left
    if policy.settle ~= bucket.settle then
      replies[#replies + 1] = account.used
      replies[#replies + 1] = account.previous
    end
  end

  local function decideOne(action, cost, counts, policies)
    local found, allowed = {}, true
    for index, policy in ipairs(policies) do
      local account = read(policy)
      found[index] = account
      if not policy.fits(account, policy, cost) then allowed = false end
    end
    for index, policy in ipairs(policies) do
      local account = found[index]
      if action == 'reset' then
        account.till, account.used, account.previous = now, 0, 0
        write(account, policy)
      elseif action == 'refund' then
        policy.refund(account, policy, cost)
        write(account, policy)
      elseif action == 'check' then
        if allowed then
          policy.take(account, policy, cost)
          write(account, policy)
        elseif counts and not policy.fits(account, policy, cost) then
          policy.penalize(account, policy, cost)
          write(account, policy)
        elseif account.stored > account.till then
          write(account, policy)
        end
      end
      answer(account, policy, allowed)
    end
  end

  return function(action, count, cost, counts, words)
    local policies = {}
    for index = 5, #words, 3 do
      local algorithm = algorithms[words[index]]
      policies[#policies + 1] = {
        settle = algorithm.settle, fits = algorithm.fits, take = algorithm.take,
        penalize = algorithm.penalize, refund = algorithm.refund,
        capacity = tonumber(words[index + 1]), span = tonumber(words[index + 2])
      }
    end
    for _ = 1, count do decideOne(action, cost, counts, policies) end
  end
end

local decide
for _, alike in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(alike, '%S+') do words[#words + 1] = word end
  local action, count, cost, counts = words[1], tonumber(words[2]), tonumber(words[3]), words[4]
  if action == 'check' and counts == '0' and words[5] == 't' and #words == 7 then
    checkBuckets(count, cost, tonumber(words[6]), tonumber(words[7]))
  else
    if not decide then decide = decider() end
    decide(action, count, cost, counts == '1', words)
  end
end
return replies
`

/** What Redis knows the script by. */
export const SCRIPT_SHA: string = createHash('sha1').update(SCRIPT).digest('hex')
