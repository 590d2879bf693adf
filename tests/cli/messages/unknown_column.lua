local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.filter "hot" { where = "temprature > 30" },
  w.map "named" { keep = { "sensor_id", "humidty" } },
  w.sink "out" { use = "null" },
}
