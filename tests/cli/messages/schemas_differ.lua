local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.map "text" { set = { temperature = "cast(temperature as string)" }, from = "in" },
  w.union "all" { inputs = { "in", "text" } },
  w.sink "out" { use = "null" },
}
