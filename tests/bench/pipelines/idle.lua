-- A job with next to nothing to do: what Weir itself needs.
local w = require "weir"

return w.pipeline "bench-idle" {
  w.source "devices" { use = "generator.sensors", devices = 100, rate = 10, seed = 1 },
  w.filter "warm"    { where = "temperature > 20" },
  w.sink   "nothing" { use = "null" },
}
