local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, instance = 8, of = 8 },
  w.sink "out" { use = "null" },
}
