-- As compute.lua, but the rows come in random key order and are exchanged by key between the workers.
local w = require "weir"

return w.pipeline "bench-shuffle" {
  w.source "changes" { use = "generator.sensors", devices = 100000, changelog = true, replay = 4000000,
                       batches = "mixed", seed = 1, event_time = "timestamp" },
  w.changelog_filter "fresh" { keep = { "+I", "+U" } },
  w.map    "readings" { gauges = { event_time_lag_ms = "now_ms() - timestamp" } },
  w.window "per_minute" { by = "sensor_id", tumbling = "1m", time = "processing",
    w.stats { "temperature", "humidity", "pressure", "battery_level",
              compute = { "sum", "min", "max" }, as = "{fn}_{column}" },
    set = { count = w.count(), first = w.first "timestamp", last = w.last "timestamp" } },
  w.sink   "log"      { use = "log", every = 20000 },

  w.map    "counts"   { from = "per_minute", keep = { "count" } },
  w.sink   "totals"   { use = "file", format = "csv", path = "totals.csv" },
}
