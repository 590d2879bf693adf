local w = require "weir"
return w.pipeline "p" {
  w.source "in" { use = "generator.sensors", devices = 10 }
  w.sink "out" { use = "null" },
}
