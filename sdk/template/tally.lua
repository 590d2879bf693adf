-- Readings per type of sensor, told every second of the clock and at the end. Run it with:
--   weir run tally.lua --plugin-path .
local w = require "weir"

return w.pipeline "tally" {
  w.source "devices" { use = "generator.sensors", devices = 1000, seed = 1, rate = 1000, paced = false, max_rows = 10000 },
  w.tally  "by_type" { by = "sensor_type", every = "1s", parallelism = 1 },
  w.sink   "table"   { use = "print" },
}
