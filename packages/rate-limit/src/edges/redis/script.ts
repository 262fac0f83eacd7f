/**
 * The script that counts inside Redis or Valkey. One call decides many questions at one moment of the
 * server's clock, in whole microseconds; each question over all its policies, all or nothing.
 *
 * `KEYS` are the accounts, question by question and policy by policy. Every `ARGV` tells of some
 * questions in a row that are alike: what to do (`check`, `peek`, `reserve`, `settle`, `reset` or
 * `ban`), how many questions, whether denied ones count, and of each policy the algorithm, the most at
 * once, the microseconds of one token or of the window, the scale, and the cost, which of a ban is its
 * microseconds. To settle, also what it did cost, and the mark. A scale is the policy's window, and where
 * an account may last longer also that: `60000000` or `60000000/300000000`.
 *
 * A key holds the accounts of one client under one policy, each in a window of its own, separated by
 * semicolons, and the end of a ban: `<moment> ban`. An account is the moment at which it expires and its
 * scale; of windows also what was counted in the present one and the one before. Where something was
 * given back to a bucket, two numbers follow: by how much that has moved all marks of reservations, and
 * the last moment at which one of these is worth anything. What cannot be read counts as nothing. The
 * arithmetic is that of `algorithms/` and `memory/reservations.ts`, where it is explained.
 *
 * The reply holds for every account the microseconds until it expires, or where the question is denied
 * -1 minus these, and of windows the counts; of a reservation also its mark, two numbers. In place of
 * all that, `banned` and the microseconds until the ban ends. Behind all answers stands a key that could
 * not be read, where there was one.
 */
import { createHash } from 'node:crypto'
import { ACCOUNTS } from './script-accounts.ts'
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
local unreadable

local function keep(key, value, span)
  call('SET', key, value, 'PX', math.ceil(span / 1000))
  latest[key] = value
end

-- Makes the function that decides about anything.
local function decider()
  ${ALGORITHMS}

  ${ACCOUNTS}

  -- The record of the next key.
  local function read(policy)
    position = position + 1
    local key = KEYS[position]
    local value = latest[key]
    if value == nil then value = values[position] end
    local record = value and parsed(value, policy.algorithm)
    if value and not record then unreadable = key end
    record = record or { accounts = {}, ban = now }
    record.key, record.isKept = key, value
    return record
  end

  -- The record of the next key, and the account in it that the policy is about.
  local function advanced(policy)
    local record = read(policy)
    local account = accountOf(record, policy)
    policy.algorithm.advance(account, policy)
    return record, account
  end

  local function write(record, policy)
    local value, last = textOf(record, policy.algorithm)
    if last > now then
      keep(record.key, value, last - now)
    else
      if record.isKept then call('DEL', record.key) end
      latest[record.key] = false
    end
  end

  local function answer(account, policy, allowed)
    local left = account.expires - now
    replies[#replies + 1] = allowed and left or -1 - left
    if policy.algorithm ~= bucket then
      replies[#replies + 1] = account.used
      replies[#replies + 1] = account.previous
    end
  end

  local function take(record, account, policy, action)
    policy.algorithm.take(account, policy)
    if action == 'reserve' then account.marked = math.max(account.marked, account.expires) end
    write(record, policy)
  end

  local function deny(record, account, policy, counts)
    if counts and not policy.algorithm.fits(account, policy) then
      policy.algorithm.penalize(account, policy, policy.cost)
      write(record, policy)
    elseif account.stored > account.expires then
      write(record, policy)
    end
  end

  local function decideOne(action, counts, policies)
    local records, accounts, allowed, ban = {}, {}, true, now
    for index, policy in ipairs(policies) do
      local record, account = advanced(policy)
      records[index], accounts[index] = record, account
      if record.ban > ban then ban = record.ban end
      if not policy.algorithm.fits(account, policy) then allowed = false end
    end
    if ban > now then
      replies[#replies + 1] = 'banned'
      replies[#replies + 1] = ban - now
      return
    end
    for index, policy in ipairs(policies) do
      local record, account = records[index], accounts[index]
      if action ~= 'peek' then
        if allowed then
          take(record, account, policy, action)
        else
          deny(record, account, policy, counts)
        end
      end
      answer(account, policy, allowed)
      if action == 'reserve' then
        replies[#replies + 1] = account.expires
        replies[#replies + 1] = account.moved
      end
    end
  end

  local function change(action, policy)
    local record, account
    if action == 'ban' then
      record = read(policy)
      record.ban = now + policy.cost
    elseif action == 'reset' then
      record = read(policy)
      record.ban = now
      for _, each in ipairs(record.accounts) do
        policy.algorithm.reset(each)
        each.expires, each.used, each.previous = now, 0, 0
      end
    else
      record, account = advanced(policy)
      if policy.actual > policy.cost then
        policy.algorithm.penalize(account, policy, policy.actual - policy.cost)
      else
        policy.algorithm.refund(account, policy, policy.cost - policy.actual)
      end
    end
    write(record, policy)
    replies[#replies + 1] = 0
  end

  return function(action, count, counts, words)
    local policies = {}
    local isSettled = action == 'settle'
    for index = 4, #words, isSettled and 8 or 5 do
      local window, lifetime = scaleOf(words[index + 3])
      policies[#policies + 1] = {
        algorithm = algorithms[words[index]], capacity = tonumber(words[index + 1]),
        span = tonumber(words[index + 2]), window = window, lifetime = lifetime,
        cost = tonumber(words[index + 4]), actual = isSettled and tonumber(words[index + 5]),
        expires = isSettled and tonumber(words[index + 6]), moved = isSettled and tonumber(words[index + 7])
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
  local count, capacity, span, scale, cost =
    string.match(alike, '^check (%d+) 0 t (%d+) (%d+) ([%d/]+) (%d+)$')
  local tolerance, charged = count and capacity * span, count and cost * span
  local lifetime = count and tonumber(string.match(scale, '%d+$'))
  local usual = count and '^(%d+) ' .. scale .. '$'
  local left = count and tonumber(count) or 0
  -- The most frequent question, of one bucket that holds nothing unusual: the same as above, without
  -- a table for each.
  while left > 0 do
    local key = KEYS[position + 1]
    local value = latest[key]
    if value == nil then value = values[position + 1] end
    local stored = now
    if value then
      stored = tonumber(string.match(value, usual))
      if not stored or stored > now + lifetime then break end
    end
    left, position = left - 1, position + 1
    local expires = math.max(now, stored)
    local allowed = charged == 0 or expires - now + charged - tolerance <= 0
    if allowed and charged > 0 then
      expires = expires + charged
      keep(key, string.format('%.0f ', expires) .. scale, expires - now)
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
if unreadable then replies[#replies + 1] = unreadable end
return replies
`

/** What Redis knows the script by. */
export const SCRIPT_SHA: string = createHash('sha1').update(SCRIPT).digest('hex')
