-- Lookups in a table that is there already: for every reading the one that the table has of its device.
local w = require "weir"

return w.pipeline "bench-lookup" {
  w.source "devices" { use = "generator.sensors", devices = 100000, replay = 1000000, seed = 2 },
  w.transform "lookups" { use = "fluss.lookup", table = require "readings", by = "sensor_id", prefix = "last_",
                          columns = { "temperature", "status", "timestamp" } },
  w.window "seconds" { by = "sensor_type", tumbling = "1s", time = "processing",
                       set = { count = w.count(), found = w.count "last_timestamp" } },
  w.map    "counts"  { keep = { "count", "found" } },
  w.sink   "totals"  { use = "file", format = "csv", path = "totals.csv" },
}
