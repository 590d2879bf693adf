local w = require "weir"
return w.pipeline "bad" {
  checkpoint = { every = "30s" }, paralelism = 2,
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.sink "out" { use = "null" },
}
