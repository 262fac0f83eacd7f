/**
 * The algorithms as the script knows them: the arithmetic of `../algorithms`, where it is explained, and
 * for buckets that of `../claims`. An account has `till`, of windows also `used` and `previous`, and of
 * buckets `moved` and `claimed`; a policy has `capacity`, `span` and `cost`, and to settle also the
 * claim, `till` and `moved`.
 */

/** Lua. Knows `now`; leaves `bucket` and, by their letters, all `algorithms`. */
export const ALGORITHMS: string = `
local bucket, fixed, sliding = {}, {}, {}
local algorithms = { t = bucket, f = fixed, s = sliding }

function bucket.move(account, by)
  -- As long as nothing was given back, no claim reaches further than the account.
  if account.moved == 0 then account.claimed = account.till end
  account.moved = account.moved + by
end
function bucket.settle(account, policy)
  local horizon = policy.capacity * policy.span
  if account.claimed <= now then account.moved = 0 end
  if account.till > now + horizon then
    bucket.move(account, account.till - now - horizon)
    account.till = now + horizon
  end
  if account.till < now then account.till = now end
end
function bucket.fits(account, policy)
  return account.till - now + policy.cost * policy.span - policy.capacity * policy.span <= 0
end
function bucket.take(account, policy)
  account.till = account.till + policy.cost * policy.span
end
function bucket.penalize(account, policy, cost)
  account.till = math.min(account.till + cost * policy.span, now + policy.capacity * policy.span)
end
function bucket.restore(account, policy, cost)
  local worth = policy.till + policy.moved - account.moved - now
  local back = math.min(cost * policy.span, worth)
  if now >= policy.till or back <= 0 then return end
  bucket.move(account, back)
  account.till = math.max(now, account.till - back)
end
function bucket.reset(account)
  -- As far as any claim can reach.
  if account.till > now then bucket.move(account, account.till - now) end
end

function fixed.settle(account, policy)
  if account.till <= now or account.used == 0 then
    account.till, account.used = now, 0
  elseif account.till > now + policy.span then
    account.till = now + policy.span
  end
end
function fixed.fits(account, policy)
  return policy.cost == 0 or account.used + policy.cost <= policy.capacity
end
local function open(account, cost, span)
  if account.used == 0 and cost > 0 then account.till = now + span end
  account.used = account.used + cost
end
function fixed.take(account, policy)
  open(account, policy.cost, policy.span)
end
function fixed.penalize(account, policy, cost)
  open(account, math.min(cost, math.max(0, policy.capacity - account.used)), policy.span)
end
function fixed.restore(account, policy, cost)
  if account.till ~= policy.till then return end
  account.used = math.max(0, account.used - cost)
  if account.used == 0 then account.till = now end
end
function fixed.reset() end

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
function sliding.fits(account, policy)
  if policy.cost == 0 then return true end
  local room = policy.capacity - account.used - policy.cost
  if room < 0 then return false end
  return account.previous * (account.till - policy.span - now) <= room * policy.span
end
local function begin(account, cost, span)
  if account.till == now and cost > 0 then account.till = now + 2 * span end
  account.used = account.used + cost
end
function sliding.take(account, policy)
  begin(account, policy.cost, policy.span)
end
function sliding.penalize(account, policy, cost)
  begin(account, math.min(cost, math.max(0, policy.capacity - account.used)), policy.span)
end
function sliding.restore(account, policy, cost)
  if account.till == policy.till then
    account.used = math.max(0, account.used - cost)
  elseif account.till == policy.till + policy.span then
    account.previous = math.max(0, account.previous - cost)
  end
  sliding.settle(account, policy)
end
function sliding.reset() end
`
