-- The changelog of a table that is there already, from the disk: all columns, or two of them.
local w = require "weir"

return w.pipeline "bench-changelog" {
  w.source "changes" { use = "fluss", table = require "readings", start = "earliest", bounded = true, parallelism = 1 },
  w.map    "columns" { keep = { "sensor_id", "sensor_type", "temperature", "humidity", "pressure", "battery_level",
                                "status", "timestamp" } },
  w.sink   "none"    { use = "null" },
}
