-- The window alone, on plain readings from memory. `batches` is set to "bucket" or "mixed".
local w = require "weir"

return w.pipeline "bench-window" {
  w.source "readings" { use = "generator.sensors", devices = 100000, replay = 8388608, batches = "bucket", seed = 1 },
  w.window "per_minute" { by = "sensor_id", tumbling = "1m", time = "processing",
    w.stats { "temperature", "humidity", "pressure", "battery_level",
              compute = { "sum", "min", "max" }, as = "{fn}_{column}" },
    set = { count = w.count(), first = w.first "timestamp", last = w.last "timestamp" } },
  w.map    "counts"   { keep = { "count" } },
  w.sink   "totals"   { use = "file", format = "csv", path = "totals.csv" },
}
