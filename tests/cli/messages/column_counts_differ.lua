local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.map "few" { keep = { "sensor_id" }, from = "in" },
  w.union "all" { inputs = { "in", "few" } },
  w.sink "out" { use = "null" },
}
