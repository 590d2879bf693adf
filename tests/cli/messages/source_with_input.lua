local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.source "more" { use = "generator.sensors", devices = 1, from = "in" },
  w.sink "out" { use = "null" },
}
