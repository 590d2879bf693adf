local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, changelog = true },
  w.window "sums" { by = "sensor_id", tumbling = "1m", set = { n = w.count() } },
  w.sink "out" { use = "null" },
}
