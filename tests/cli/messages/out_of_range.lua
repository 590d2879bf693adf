local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 0 },
  w.sink "out" { use = "log", every = -1, parallelism = 0 },
}
