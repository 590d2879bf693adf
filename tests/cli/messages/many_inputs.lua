local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.map "a" { from = "in" },
  w.filter "b" { inputs = { "in", "a" }, where = "true" },
  w.sink "out" { use = "null" },
}
