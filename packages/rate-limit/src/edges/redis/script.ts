/**
 * The script that counts inside Redis or Valkey. One call decides many questions at one moment of the
 * server's clock, in whole microseconds; each question over all its policies, all or nothing.
 *
 * `KEYS` are the accounts, question by question and policy by policy. Every `ARGV` tells of some
 * questions in a row that are alike: what to do (`check`, `peek`, `reserve`, `settle`, `reset` or
 * `ban`), how many questions, whether denied ones count, and of each policy the algorithm, the most at
 * once, the microseconds of one token or of the window, and the cost, which of a ban is its
 * microseconds. To settle, also what it did cost, and the mark.
 *
 * An account is text: the moment at which it expires; of windows also what was counted in the present
 * one and the one before. Where something was given back to a bucket, or a client is banned, three more
 * numbers follow: by how much what was given back has moved all marks of reservations, the last moment
 * at which one of these is worth anything, and when the ban ends. The arithmetic is that of
 * `algorithms/` and `memory/reservations.ts`, where it is explained.
 *
 * The reply holds for every account the microseconds until it expires, or where the question is denied
 * -1 minus these, and of windows the counts; of a reservation also its mark, two numbers. In place of
 * all that, `banned` and the microseconds until the ban ends.
 */
import { createHash } from 'node:crypto'
import { ALGORITHMS } from './script-algorithms.ts'

/** Keys in one call: all of them are on Lua's stack at once. */
export const MAX_KEYS = 1000

export const SCRIPT: string = `
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local values = call('MGET', unpack(KEYS))
-- What this call has written, which it must not read again: false for what it deleted.
local latest, replies, position = {}, {}, 0

local function keep(key, value, span)
  call('SET', key, value, 'PX', math.ceil(span / 1000))
  latest[key] = value
end

-- Makes the function that decides about anything.
local function decider()
  ${ALGORITHMS}

  local function read()
    position = position + 1
    local key = KEYS[position]
    local value = latest[key]
    if value == nil then value = values[position] end
    local numbers = {}
    if value then
      for number in string.gmatch(value, '%d+') do numbers[#numbers + 1] = tonumber(number) end
    end
    local account = {
      key = key, isKept = value, expires = numbers[1] or now,
      used = numbers[2] or 0, previous = numbers[3] or 0,
      moved = numbers[4] or 0, marked = numbers[5] or now, ban = numbers[6] or now
    }
    account.stored = account.expires
    return account
  end

  local function advanced(policy)
    local account = read()
    policy.algorithm.advance(account, policy)
    return account
  end

  local function write(account, policy)
    local last = math.max(account.expires, account.ban)
    if account.moved > 0 then last = math.max(last, account.marked) end
    if last <= now then
      if account.isKept then call('DEL', account.key) end
      latest[account.key] = false
      return
    end
    local value
    if account.moved > 0 or account.ban > now then
      value = string.format('%.0f %.0f %.0f %.0f %.0f %.0f', account.expires, account.used,
        account.previous, account.moved, account.marked, account.ban)
    elseif policy.algorithm == bucket then
      value = string.format('%.0f', account.expires)
    else
      value = string.format('%.0f %.0f %.0f', account.expires, account.used, account.previous)
    end
    keep(account.key, value, last - now)
  end

  local function answer(account, policy, allowed)
    local left = account.expires - now
    replies[#replies + 1] = allowed and left or -1 - left
    if policy.algorithm ~= bucket then
      replies[#replies + 1] = account.used
      replies[#replies + 1] = account.previous
    end
  end

  local function take(account, policy, action)
    policy.algorithm.take(account, policy)
    if action == 'reserve' then account.marked = math.max(account.marked, account.expires) end
    write(account, policy)
  end

  local function deny(account, policy, counts)
    if counts and not policy.algorithm.fits(account, policy) then
      policy.algorithm.penalize(account, policy, policy.cost)
      write(account, policy)
    elseif account.stored > account.expires then
      write(account, policy)
    end
  end

  local function decideOne(action, counts, policies)
    local accounts, allowed, ban = {}, true, now
    for index, policy in ipairs(policies) do
      local account = advanced(policy)
      accounts[index] = account
      if account.ban > ban then ban = account.ban end
      if not policy.algorithm.fits(account, policy) then allowed = false end
    end
    if ban > now then
      replies[#replies + 1] = 'banned'
      replies[#replies + 1] = ban - now
      return
    end
    for index, policy in ipairs(policies) do
      local account = accounts[index]
      if action ~= 'peek' then
        if allowed then take(account, policy, action) else deny(account, policy, counts) end
      end
      answer(account, policy, allowed)
      if action == 'reserve' then
        replies[#replies + 1] = account.expires
        replies[#replies + 1] = account.moved
      end
    end
  end

  local function change(action, policy)
    local algorithm = policy.algorithm
    -- Of a ban or a reset the script is not told the client's own numbers: nothing is advanced by them.
    local account = action == 'settle' and advanced(policy) or read()
    if action == 'ban' then
      account.ban = now + policy.cost
    elseif action == 'reset' then
      algorithm.reset(account)
      account.expires, account.used, account.previous, account.ban = now, 0, 0, now
    elseif policy.actual > policy.cost then
      algorithm.penalize(account, policy, policy.actual - policy.cost)
    else
      algorithm.refund(account, policy, policy.cost - policy.actual)
    end
    write(account, policy)
    replies[#replies + 1] = 0
  end

  return function(action, count, counts, words)
    local policies = {}
    local isSettled = action == 'settle'
    for index = 4, #words, isSettled and 7 or 4 do
      policies[#policies + 1] = {
        algorithm = algorithms[words[index]], capacity = tonumber(words[index + 1]),
        span = tonumber(words[index + 2]), cost = tonumber(words[index + 3]),
        actual = isSettled and tonumber(words[index + 4]),
        expires = isSettled and tonumber(words[index + 5]), moved = isSettled and tonumber(words[index + 6])
      }
    end
    for _ = 1, count do
      if action == 'check' or action == 'peek' or action == 'reserve' then
        decideOne(action, counts, policies)
      else
        for _, policy in ipairs(policies) do change(action, policy) end
      end
    end
  end
end

local decide
local function decideAny(words)
  decide = decide or decider()
  decide(words[1], tonumber(words[2]), words[3] == '1', words)
end

for _, alike in ipairs(ARGV) do
  local count, capacity, span, cost = string.match(alike, '^check (%d+) 0 t (%d+) (%d+) (%d+)$')
  local lifetime, charged = count and capacity * span, count and cost * span
  local left = count and tonumber(count) or 0
  -- The most frequent question, of one bucket that holds nothing unusual: the same as above, without
  -- a table for each.
  while left > 0 do
    local key = KEYS[position + 1]
    local value = latest[key]
    if value == nil then value = values[position + 1] end
    local stored = value and tonumber(value) or now
    if value and (stored == now or stored > now + lifetime) then break end
    left, position = left - 1, position + 1
    local expires = math.max(now, stored)
    local allowed = expires - now + charged - lifetime <= 0
    if allowed and charged > 0 then
      expires = expires + charged
      keep(key, string.format('%.0f', expires), expires - now)
    end
    replies[#replies + 1] = allowed and expires - now or now - expires - 1
  end
  if not count or left > 0 then
    local words = {}
    for word in string.gmatch(alike, '%S+') do words[#words + 1] = word end
    if left > 0 then words[2] = left end
    decideAny(words)
  end
end
return replies
`

/** What Redis knows the script by. */
export const SCRIPT_SHA: string = createHash('sha1').update(SCRIPT).digest('hex')
