"""The Lua script that wrk runs: it parks and unparks in turn, and says at the end what came back."""

from __future__ import annotations

import string

from garagebench.core.workload import park_body
from garagebench.load.cars import Cars
from garagebench.load.endpoint import Endpoint

#: What a line begins with that is for us.
MARK = "garagebench:"

PLAIN = frozenset(string.ascii_letters + string.digits)

SCRIPT = """\
-- Parks and unparks in turn. There is one thread, so that one table holds the cars of all connections.
held, most = %(held)s, %(most)d
parked, unparked, parking, replies, sent = 0, 0, 0, {}, 0
local checked = false
local headers = {["Content-Type"] = "application/json"}
local park, head = nil, nil
math.randomseed(%(seed)d)

function init()
  park = wrk.format("POST", %(prefix)s .. "/park", headers, %(body)s)
  -- Without a body there is no length yet: it comes last, with the body, and wrk.format is not needed again.
  head = wrk.format("POST", %(prefix)s .. "/unpark", headers):sub(1, -3) .. "Content-Length: "
end

function request()
  if not checked then  -- wrk looks at one request before it starts, and sends it never
    checked = true
    return park
  end
  sent = sent + 1
  local count = #held
  if count > 0 and count + parking > most then
    local place = math.random(count)
    local body = held[place]
    held[place] = held[count]
    held[count] = nil
    return head .. #body .. "\\r\\n\\r\\n" .. body
  end
  parking = parking + 1
  return park
end

function response(status, headers, body)
  replies[status] = (replies[status] or 0) + 1
  if status ~= 200 then
    -- Only a refused park is known to be one by what it says; none is, in a garage that is half full.
  elseif body:sub(1, 8) == '{"floor"' then
    parking = parking - 1
    parked = parked + 1
    held[#held + 1] = body
  else
    unparked = unparked + 1
  end
end

function setup(thread)
  worker = thread
end

function done(summary, latency, requests)
  local function say(name, value) print("%(mark)s" .. name .. " " .. value) end
  say("us", summary.duration)
  say("requests", summary.requests)
  say("sent", worker:get("sent"))
  say("parked", worker:get("parked"))
  say("unparked", worker:get("unparked"))
  for status, count in pairs(worker:get("replies")) do say("status", status .. " " .. count) end
  for what, count in pairs(summary.errors) do say("error", what .. " " .. count) end
  for _, body in ipairs(worker:get("held")) do say("held", body) end
  if summary.requests > 0 then
    for _, one in ipairs({50, 90, 99, 99.9}) do say("percentile", one .. " " .. latency:percentile(one)) end
    say("max", latency.max)
  end
end
"""


def write_script(endpoint: Endpoint, vehicle: str, cars: Cars, seed: int) -> str:
    """Return the script, with the cars that are parked already."""
    return SCRIPT % {
        "held": "{" + ",".join(quote(body.decode()) for body in cars.held) + "}",
        "most": cars.most,
        "seed": seed,
        "prefix": quote(endpoint.prefix),
        "body": quote(park_body(vehicle).decode()),
        "mark": MARK,
    }


def quote(text: str) -> str:
    """Return the text as a Lua string: every byte that is no letter or digit by its number."""
    letters = (chr(byte) for byte in text.encode())
    return '"' + "".join(one if one in PLAIN else f"\\{ord(one):03d}" for one in letters) + '"'
