local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = w.env "NO_SUCH_VARIABLE" },
  w.sink "out" { use = "null" },
}
