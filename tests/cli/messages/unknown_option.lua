local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.filter "odd" { were = "sensor_id = 1" },
  w.sink "out" { use = "null", evry = 2 },
}
