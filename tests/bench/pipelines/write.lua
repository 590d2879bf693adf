-- The rows that read.lua reads.
local w = require "weir"

return w.pipeline "bench-write" {
  w.source "devices" { use = "generator.sensors", devices = 100000, paced = false, rate = 1000000, max_rows = 3000000,
                       seed = 1 },
  w.sink   "rows"    { use = "file", path = "rows.csv", format = "csv" },
}
