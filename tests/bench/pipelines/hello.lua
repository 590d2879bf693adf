-- The smallest pipeline: how long until its first row is seen.
local w = require "weir"

return w.pipeline "bench-hello" {
  w.source "devices" { use = "generator.sensors", devices = 1, max_rows = 1, seed = 1 },
  w.sink   "screen"  { use = "file", format = "csv", path = "-" },
}
