local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.filter "a" { where = "sensor_id = 1", from = "c" },
  w.filter "b" { where = "sensor_id = 1" },
  w.filter "c" { where = "sensor_id = 1" },
  w.sink "out" { use = "null" },
}
