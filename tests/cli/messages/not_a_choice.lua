local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.filter "odd" { where = "sensor_id = 1", on_error = "ignore" },
  w.sink "out" { use = "null" },
}
