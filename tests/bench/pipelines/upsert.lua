-- Upserts alone: readings from memory, in random key order, into a table.
local w = require "weir"

return w.pipeline "bench-upsert" {
  w.source "devices" { use = "generator.sensors", devices = 100000, replay = 2000000, seed = 1 },
  w.sink   "upserts" { use = "fluss", table = require "readings" },
}
