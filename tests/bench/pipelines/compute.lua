-- The sensor job without its producer and its enricher: a steady changelog from memory, in batches of one bucket, is
-- filtered, mapped and aggregated. `totals` is how the benchmark checks that every row was counted once.
local w = require "weir"

return w.pipeline "bench-compute" {
  w.source "changes" { use = "generator.sensors", devices = 100000, changelog = true, replay = 4000000,
                       batches = "bucket", seed = 1, event_time = "timestamp" },
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
