local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, event_time = "timestamp", watermark = { lag = "5 parsecs" } },
  w.sink "out" { use = "null" },
}
