local w = require "weir"
return w.pipeline "p" {
  w.source "in" { use = "generator.sensors", devices = 10 },
  w.filter "hot" { where = "temperature > 30" },
  w.filter "hot" { where = "temperature > 35" },
  w.sink "out" { use = "null" },
}
