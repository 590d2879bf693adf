-- How even the producer is: rows counted by the second in which they arrive.
local w = require "weir"

return w.pipeline "bench-pace" {
  w.source "devices"  { use = "generator.sensors", devices = 100000, rate = 2000000, seed = 1 },
  w.window "seconds"  { by = "sensor_type", tumbling = "1s", time = "processing", set = { count = w.count() } },
  w.map    "counts"   { keep = { "window_start", "count" } },
  w.sink   "totals"   { use = "file", format = "csv", path = "totals.csv" },
}
