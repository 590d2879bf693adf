local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.filter "odd" { where = "temperature + 1" },
  w.sink "out" { use = "log", every = "often" },
}
