/**
 * How the script reads and writes the text of a key: the accounts of one client under one policy, one
 * for each window, and its ban. The form of the text is told in `script.ts`.
 */
import { MAX_WINDOWS } from '../../windows.ts'

/** Lua. Knows `now` and `bucket`; leaves `scaleOf`, `parsed`, `accountOf` and `textOf`. */
export const ACCOUNTS: string = `
-- A number that is exact, or nil.
local function exact(text)
  local number = tonumber(text)
  return number and number < 9007199254740992 and number or nil
end

local function scaleOf(text)
  local window, lifetime = string.match(text, '^(%d+)/?(%d*)$')
  window = exact(window)
  return window, exact(lifetime) or window
end

-- Adds what a part of a text tells of to a record. Returns whether it can be read.
local function add(record, part, algorithm)
  local moment, window, lifetime, first, second =
    string.match(part, '^(%d+) (%d+)/?(%d*) ?(%d*) ?(%d*)$')
  if not moment then
    record.ban = exact(string.match(part, '^(%d+) ban$'))
    return record.ban ~= nil
  end
  moment, window = exact(moment), exact(window)
  if not moment or not window then return false end
  local account = { window = window, lifetime = exact(lifetime) or window, expires = moment,
    stored = moment, used = 0, previous = 0, moved = 0, marked = now }
  if algorithm == bucket then
    account.moved, account.marked = exact(first) or 0, exact(second) or now
  else
    account.used, account.previous = exact(first) or 0, exact(second) or 0
  end
  record.accounts[#record.accounts + 1] = account
  return true
end

-- The record that a text tells of; nil where it cannot be read.
local function parsed(text, algorithm)
  local record = { accounts = {}, ban = now }
  if not string.find(text, ';', 1, true) then
    return add(record, text, algorithm) and record or nil
  end
  for part in string.gmatch(text, '[^;]+') do
    if not add(record, part, algorithm) then return nil end
  end
  return record
end

-- The moment at which an account and its reservations have expired.
local function endOf(account)
  return account.moved > 0 and math.max(account.expires, account.marked) or account.expires
end

-- The account in the policy's window. Where there are too many, the one that ends first makes room.
local function accountOf(record, policy)
  local accounts = record.accounts
  for _, account in ipairs(accounts) do
    if account.window == policy.window then
      account.lifetime = math.max(account.lifetime, policy.lifetime)
      return account
    end
  end
  if #accounts >= ${MAX_WINDOWS} then
    table.sort(accounts, function(one, other) return endOf(one) > endOf(other) end)
    accounts[#accounts] = nil
  end
  local account = { window = policy.window, lifetime = policy.lifetime, expires = now, stored = now,
    used = 0, previous = 0, moved = 0, marked = now }
  accounts[#accounts + 1] = account
  return account
end

-- The text of a record, and the moment at which all of it has expired.
local function textOf(record, algorithm)
  local parts, last = {}, now
  for _, account in ipairs(record.accounts) do
    local ends = endOf(account)
    if ends > now then
      last = math.max(last, ends)
      local part = string.format('%.0f %.0f', account.expires, account.window)
      if account.lifetime > account.window then
        part = part .. string.format('/%.0f', account.lifetime)
      end
      if algorithm ~= bucket then
        part = part .. string.format(' %.0f %.0f', account.used, account.previous)
      elseif account.moved > 0 then
        part = part .. string.format(' %.0f %.0f', account.moved, account.marked)
      end
      parts[#parts + 1] = part
    end
  end
  if record.ban > now then
    last = math.max(last, record.ban)
    parts[#parts + 1] = string.format('%.0f ban', record.ban)
  end
  return table.concat(parts, ';'), last
end
`
