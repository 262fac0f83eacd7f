/**
 * The algorithms as the script knows them: the arithmetic of `algorithms/`, where it is explained, and
 * for buckets that of `memory/reservations.ts`. An account has `window`, `lifetime` and `expires`, of
 * windows also `used` and `previous`, and of buckets `moved` and `marked`; a policy has `window`,
 * `lifetime`, `capacity`, `span` and `cost`, and to settle also the reservation's mark, `expires` and
 * `moved`. Times are microseconds.
 */

/** Lua. Knows `now`; leaves `bucket` and, by their letters, all `algorithms`. */
export const ALGORITHMS: string = `
local bucket, fixed, sliding = {}, {}, {}
local algorithms = { t = bucket, f = fixed, s = sliding }

function bucket.move(account, by)
  -- As long as nothing was given back, no mark is later than the account expires.
  if account.moved == 0 then account.marked = account.expires end
  account.moved = account.moved + by
end
function bucket.advance(account)
  local lifetime = account.lifetime
  if account.marked <= now then account.moved = 0 end
  if account.expires > now + lifetime then
    bucket.move(account, account.expires - now - lifetime)
    account.expires = now + lifetime
  end
  if account.expires < now then account.expires = now end
end
function bucket.fits(account, policy)
  if policy.cost == 0 then return true end
  return account.expires - now + policy.cost * policy.span - policy.capacity * policy.span <= 0
end
function bucket.take(account, policy)
  account.expires = account.expires + policy.cost * policy.span
end
function bucket.penalize(account, policy, cost)
  local most = math.max(account.expires, now + policy.capacity * policy.span)
  account.expires = math.min(account.expires + cost * policy.span, most)
end
function bucket.refund(account, policy, cost)
  local worth = policy.expires + policy.moved - account.moved - now
  local back = math.min(cost * policy.span, worth)
  if now >= policy.expires or back <= 0 then return end
  bucket.move(account, back)
  account.expires = math.max(now, account.expires - back)
end
function bucket.reset(account)
  -- As far as any mark can reach.
  if account.expires > now then bucket.move(account, account.expires - now) end
end

function fixed.advance(account, policy)
  if account.expires <= now or account.used == 0 then
    account.expires, account.used = now, 0
  elseif account.expires > now + policy.span then
    account.expires = now + policy.span
  end
end
function fixed.fits(account, policy)
  return policy.cost == 0 or account.used + policy.cost <= policy.capacity
end
local function open(account, cost, span)
  if account.used == 0 and cost > 0 then account.expires = now + span end
  account.used = account.used + cost
end
function fixed.take(account, policy)
  open(account, policy.cost, policy.span)
end
function fixed.penalize(account, policy, cost)
  open(account, math.min(cost, math.max(0, policy.capacity - account.used)), policy.span)
end
function fixed.refund(account, policy, cost)
  if account.expires ~= policy.expires then return end
  account.used = math.max(0, account.used - cost)
  if account.used == 0 then account.expires = now end
end
function fixed.reset() end

function sliding.advance(account, policy)
  local span = policy.span
  if account.expires > now + 2 * span then account.expires = now + 2 * span end
  if account.expires > now and account.expires <= now + span then
    account.previous, account.used, account.expires = account.used, 0, account.expires + span
  end
  if account.expires <= now or (account.used == 0 and account.previous == 0) then
    account.expires, account.used, account.previous = now, 0, 0
  end
end
function sliding.fits(account, policy)
  if policy.cost == 0 then return true end
  local room = policy.capacity - account.used - policy.cost
  if room < 0 then return false end
  return account.previous * (account.expires - policy.span - now) < (room + 1) * policy.span
end
local function begin(account, cost, span)
  if account.expires == now and cost > 0 then account.expires = now + 2 * span end
  account.used = account.used + cost
end
function sliding.take(account, policy)
  begin(account, policy.cost, policy.span)
end
function sliding.penalize(account, policy, cost)
  begin(account, math.min(cost, math.max(0, policy.capacity - account.used)), policy.span)
end
function sliding.refund(account, policy, cost)
  if account.expires == policy.expires then
    account.used = math.max(0, account.used - cost)
  elseif account.expires == policy.expires + policy.span then
    account.previous = math.max(0, account.previous - cost)
  end
  sliding.advance(account, policy)
end
function sliding.reset() end
`
