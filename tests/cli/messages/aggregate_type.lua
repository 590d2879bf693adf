local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.map "named" { set = { name = "concat('s', sensor_id)" } },
  w.window "sums" { by = "sensor_id", tumbling = "1m", set = { n = w.sum "name" } },
  w.sink "out" { use = "null" },
}
